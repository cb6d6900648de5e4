#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <system_error>

#include "exporter/cli/cli.h"

namespace socket_exporter {
namespace {

[[noreturn]] void refuse_procfs(const std::string& root, std::string_view why) {
  throw std::runtime_error(fmt::format(
      R"(flag "--path.procfs": "{}" {}; mount procfs there or leave the flag out)", root, why));
}

// Files of which every procfs has one, also when it is mounted with subset=pid.
void require_procfs(const std::string& root) {
  constexpr std::array<std::string_view, 3> kProofs{"stat", "self/stat", "net/sockstat"};
  std::error_code error;
  if (!std::filesystem::is_directory(root, error)) {
    refuse_procfs(root,
                  error ? fmt::format("cannot be used: {}", error.message()) : "is no directory");
  }
  const bool found = std::any_of(kProofs.begin(), kProofs.end(), [&](std::string_view proof) {
    return std::ifstream(std::filesystem::path(root) / proof).peek() != EOF;
  });
  if (!found) refuse_procfs(root, "does not look like procfs (no readable stat)");
}

}  // namespace

Config load_start_config(const Options& options) {
  require_procfs(options.procfs_root);
  auto config = load_config(options.config_file);
  if (!config) throw std::runtime_error(config.error().what);
  return std::move(*config);
}

KernelPaths kernel_paths(const Options& options) {
  const std::filesystem::path root(options.rootfs);
  return {.procfs = options.procfs_root,
          .run_netns = root / "run/netns",
          .pod_logs = root / "var/log/pods"};
}

void print(const std::string& text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
    throw std::system_error(errno, std::generic_category(), "cannot write to standard output");
  }
}

WebsocketPorts ports_of(const WebsocketConfig& config) {
  return {config.ports, config.client_ports, config.learns, config.tls};
}

}  // namespace socket_exporter
