#include "collectors/kernel/tcp_scan.h"

#include <sys/prctl.h>
#include <sys/wait.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <tuple>

#include "collectors/kernel/linux_kernel.h"
#include "tests/collectors/kernel/netns_sockets.h"

using namespace socket_exporter;

namespace {

constexpr int kManySockets = 51'000;  // more than inet_diag is asked for
constexpr uid_t kNobody = 65534;

Deadline soon() {
  return std::chrono::steady_clock::now() + std::chrono::seconds(30);
}

Feature tcp_walk_of(const LinuxKernel& kernel) {
  const auto features = kernel.features();
  const auto found = std::find_if(features.begin(), features.end(),
                                  [](const Feature& f) { return f.name == "tcp_walk"; });
  REQUIRE(found != features.end());
  return *found;
}

struct Seen {
  std::map<std::tuple<Family, TcpState, bool, bool>, int> kinds;
  int with_inode = 0;
  bool others_follow_listeners = true;
};

Seen scan(LinuxKernel& kernel, const Namespace& ns, Detail detail) {
  Seen seen;
  const auto see = [&](const Socket& s) {
    const auto listeners = seen.kinds.find({s.family, TcpState::listen, false, true});
    const bool is_first = listeners == seen.kinds.end() && s.state != TcpState::listen;
    seen.others_follow_listeners &= !is_first || s.state == TcpState::close;
    ++seen.kinds[{s.family, s.state, s.inbound, s.port_bound}];
    seen.with_inode += s.inode != 0 && s.state == TcpState::established;
  };
  const auto stats = kernel.scan_sockets(
      {ns.inode(), "host"}, detail, soon(),
      [&](std::span<const Socket> batch) { std::for_each(batch.begin(), batch.end(), see); });
  REQUIRE(stats);
  REQUIRE_FALSE(stats->interrupted);
  return seen;
}

int count(const Seen& seen, TcpState state) {
  int sum = 0;
  for (const auto& [kind, number] : seen.kinds)
    sum += std::get<TcpState>(kind) == state ? number : 0;
  return sum;
}

Fd bound_only() {
  Fd socket(::socket(AF_INET, SOCK_STREAM, 0));
  Endpoint any("127.0.0.1");
  REQUIRE(bind(socket.number(), any.name(), any.length) == 0);
  return socket;
}

}  // namespace

TEST_CASE("many sockets are counted the same by the walk and by inet_diag") {
  const Namespace ns;
  const EveryState sockets;
  const Fd bound = bound_only();
  fill_with_time_wait(kManySockets);
  LinuxKernel kernel("/proc");
  REQUIRE(tcp_walk_of(kernel).on);

  const Seen walked = scan(kernel, ns, Detail::counts);
  const Seen dumped = scan(kernel, ns, Detail::owners);

  CHECK(walked.with_inode == 0);
  CHECK(dumped.with_inode > 0);
  CHECK(walked.others_follow_listeners);
  CHECK(walked.kinds == dumped.kinds);
  CHECK(count(walked, TcpState::time_wait) >= kManySockets);
  CHECK(count(walked, TcpState::close) == 1);

  // Bound-only sockets are looked for again a minute later only.
  const Fd another = bound_only();
  CHECK(count(scan(kernel, ns, Detail::counts), TcpState::close) == 1);
}

TEST_CASE("bound-only sockets are looked for in each scan of a few sockets") {
  const Namespace ns(1024);  // a table without the sockets of the host
  LinuxKernel kernel("/proc");
  CHECK(count(scan(kernel, ns, Detail::counts), TcpState::close) == 0);
  const Fd bound = bound_only();
  CHECK(count(scan(kernel, ns, Detail::counts), TcpState::close) == 1);
}

TEST_CASE("a table that the walk cannot read is left to inet_diag") {
  const Namespace ns(16);
  const EveryState sockets;
  fill_with_time_wait(kManySockets);
  LinuxKernel kernel("/proc");
  const auto scan_once = [&] {
    return kernel.scan_sockets({ns.inode(), "host"}, Detail::counts, soon(),
                               [](std::span<const Socket>) {});
  };

  const auto first = scan_once();
  REQUIRE(first);
  CHECK(first->interrupted);  // and so begun anew by its caller
  CHECK_FALSE(tcp_walk_of(kernel).on);
  CHECK_THAT(tcp_walk_of(kernel).reason, Catch::Contains("sockets in one bucket"));

  CHECK(count(scan(kernel, ns, Detail::counts), TcpState::time_wait) >= kManySockets);
}

TEST_CASE("without privilege inet_diag is used, and the reason is said") {
  const Namespace ns;
  const EveryState sockets;
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    if (setresuid(kNobody, kNobody, kNobody) != 0) _exit(2);
    LinuxKernel kernel("/proc");
    const Feature walk = tcp_walk_of(kernel);
    const bool is_told = walk.reason.find("needs CAP_BPF and CAP_PERFMON") != std::string::npos;
    const int connected = count(scan(kernel, ns, Detail::counts), TcpState::established);
    _exit(!walk.on && is_told && connected > 0 ? 0 : 1);
  }
  int status = 1;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(status == 0);
}
