#include "collectors/kernel/capabilities.h"

#include <catch2/catch.hpp>
#include <cerrno>

using namespace socket_exporter;

namespace {

constexpr std::uint64_t bit(Capability capability) {
  return std::uint64_t{1} << static_cast<unsigned>(capability);
}

}  // namespace

TEST_CASE("a denied call says which capabilities are missing", "[capabilities]") {
  const auto of_bpf = {Capability::bpf, Capability::perfmon};
  CHECK(why_denied(of_bpf, 0) == "needs CAP_BPF and CAP_PERFMON");
  CHECK(why_denied(of_bpf, bit(Capability::bpf)) == "needs CAP_PERFMON");
  CHECK(why_denied({Capability::sys_ptrace}, bit(Capability::sys_admin)) == "needs CAP_SYS_PTRACE");
}

TEST_CASE("a call that is denied to who has all it needs does not ask for it", "[capabilities]") {
  const std::string refused =
      "refused in spite of CAP_BPF and CAP_PERFMON (by the kernel, a security module, seccomp or a "
      "user namespace)";
  const auto of_bpf = {Capability::bpf, Capability::perfmon};
  CHECK(why_denied(of_bpf, bit(Capability::bpf) | bit(Capability::perfmon)) == refused);
  CHECK(why_denied(of_bpf, bit(Capability::sys_admin)) == refused);
}

TEST_CASE("only a denied call says anything of capabilities", "[capabilities]") {
  CHECK(errno_error("setns a", EPERM, {Capability::sys_admin})
            .what.starts_with("setns a: Operation not permitted: "));
  CHECK(errno_error("open a", ENOENT, {Capability::sys_ptrace}).what ==
        "open a: No such file or directory");
}
