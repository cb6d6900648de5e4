#include "collectors/kernel/capabilities.h"

#include <fmt/format.h>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <vector>

namespace socket_exporter {
namespace {

/// Of the calling thread.
struct Capabilities {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> words{};

  bool read() { return ::syscall(SYS_capget, &header, words.data()) == 0; }
};

std::string_view name_of(Capability capability) {
  switch (capability) {
    case Capability::net_admin:
      return "CAP_NET_ADMIN";
    case Capability::sys_ptrace:
      return "CAP_SYS_PTRACE";
    case Capability::sys_admin:
      return "CAP_SYS_ADMIN";
    case Capability::perfmon:
      return "CAP_PERFMON";
    case Capability::bpf:
      return "CAP_BPF";
  }
  return "";
}

bool has(std::uint64_t effective, Capability capability) {
  return (effective >> static_cast<unsigned>(capability) & 1U) != 0;
}

// CAP_SYS_ADMIN stands for those that were made of it; in eBPF also for CAP_NET_ADMIN.
bool suffices(std::uint64_t effective, Capability needed) {
  return has(effective, needed) ||
         (needed != Capability::sys_ptrace && has(effective, Capability::sys_admin));
}

}  // namespace

// What fails here shows in the features: they name the privilege that is missing.
void use_permitted_capabilities() {
  Capabilities ours;
  if (!ours.read()) return;
  bool is_more = false;
  for (__user_cap_data_struct& word : ours.words) {
    is_more = is_more || word.effective != word.permitted;
    word.effective = word.permitted;
  }
  if (is_more) ::syscall(SYS_capset, &ours.header, ours.words.data());
}

Error errno_error(std::string_view what, int error_number,
                  std::initializer_list<Capability> needed) {
  Error error = errno_error(what, error_number);
  if (error.kind != Error::Kind::denied) return error;
  Capabilities ours;
  if (!ours.read()) return error;
  const std::uint64_t effective = std::uint64_t{ours.words[1].effective} << 32;
  error.what += ": " + why_denied(needed, effective | ours.words[0].effective);
  return error;
}

std::string why_denied(std::initializer_list<Capability> needed, std::uint64_t effective) {
  std::vector<std::string_view> names;
  std::vector<std::string_view> missing;
  for (const Capability each : needed) {
    names.push_back(name_of(each));
    if (!suffices(effective, each)) missing.push_back(name_of(each));
  }
  if (!missing.empty()) return fmt::format("needs {}", fmt::join(missing, " and "));
  return fmt::format(
      "refused in spite of {} (by the kernel, a security module, seccomp or a user namespace)",
      fmt::join(names, " and "));
}

}  // namespace socket_exporter
