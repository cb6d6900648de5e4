#include "collectors/kernel/followed_tls.h"

#include <fmt/format.h>

#include <filesystem>
#include <system_error>
#include <utility>

#include "collectors/base/text.h"

namespace socket_exporter {
namespace {

// Each takes 14 descriptors.
constexpr std::size_t kMostFiles = 64;

std::vector<std::uint32_t> processes_of(const std::string& procfs) {
  std::vector<std::uint32_t> all;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(procfs, error), end; !error && entry != end;
       entry.increment(error)) {
    const auto pid = parse_number<std::uint32_t>(entry->path().filename().native());
    if (pid) all.push_back(*pid);
  }
  return all;
}

}  // namespace

FollowedTls::FollowedTls(std::string procfs, const WebsocketPorts& ports)
    : procfs_(std::move(procfs)), files_(procfs_) {
  start(ports);
}

void FollowedTls::follow(const WebsocketPorts& ports) {
  if (tracker_) {
    tracker_->follow(ports.tls ? ports : WebsocketPorts{});
  } else {
    start(ports);
  }
}

void FollowedTls::start(const WebsocketPorts& ports) {
  if (ports.empty() || !ports.tls) {
    feature_.reason = ports.empty() ? "no websocket.ports in the configuration"
                                    : "no websocket.tls in the configuration";
    return;
  }
  auto started = WebsocketTlsTracker::start(ports);
  if (!started) {
    feature_.reason = started.error().what;
    return;
  }
  tracker_ = std::move(*started);
  feature_.on = true;
  feature_.reason.clear();
  for (const std::uint32_t pid : processes_of(procfs_)) look_at(pid);
}

Result<WebsocketCounts> FollowedTls::read() {
  if (!tracker_) return Error{Error::Kind::unavailable, "TLS is not followed"};
  for (const std::uint32_t pid : tracker_->take_readers()) look_at(pid);
  auto counts = tracker_->read();
  if (!counts) return Error{Error::Kind::io, counts.error().what};
  return counts;
}

std::vector<WebsocketRecord> FollowedTls::forget(std::span<const WebsocketKey> idle) {
  return tracker_ ? tracker_->forget(idle) : std::vector<WebsocketRecord>{};
}

void FollowedTls::look_at(std::uint32_t pid) {
  for (const OpensslFile& file : files_.new_files_of(pid)) attach(file);
}

void FollowedTls::attach(const OpensslFile& file) {
  if (attached_ == kMostFiles) {
    feature_.reason = fmt::format("only {} files with OpenSSL are followed", kMostFiles);
    return;
  }
  const auto attached = tracker_->attach(file.file);
  if (attached && *attached) ++attached_;
  if (!attached) feature_.reason = fmt::format("{}: {}", file.path, attached.error().what);
}

}  // namespace socket_exporter
