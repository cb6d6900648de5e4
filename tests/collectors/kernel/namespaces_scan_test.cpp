#include <sys/prctl.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <vector>

#include "collectors/kernel/linux_kernel.h"
#include "tests/collectors/kernel/netns_host.h"
#include "tests/collectors/kernel/netns_sockets.h"

using namespace socket_exporter;

namespace {

constexpr int kManySockets = 51'000;  // more than inet_diag is asked for
constexpr uid_t kNobody = 65534;

Deadline soon() {
  return std::chrono::steady_clock::now() + std::chrono::seconds(30);
}

Feature socket_walk_of(const LinuxKernel& kernel) {
  const auto features = kernel.features();
  const auto found = std::find_if(features.begin(), features.end(),
                                  [](const Feature& f) { return f.name == "socket_walk"; });
  REQUIRE(found != features.end());
  return *found;
}

struct Seen {
  std::map<std::tuple<Family, TcpState, bool, bool>, int> kinds;
  int with_inode = 0;
  bool others_follow_listeners = true;
};

void see(std::span<const Socket> sockets, Seen& seen) {
  for (const Socket& s : sockets) {
    const auto listeners = seen.kinds.find({s.family, TcpState::listen, false, true});
    const bool is_first = listeners == seen.kinds.end() && s.state != TcpState::listen;
    seen.others_follow_listeners &= !is_first || s.state == TcpState::close;
    ++seen.kinds[{s.family, s.state, s.inbound, s.port_bound}];
    seen.with_inode += s.inode != 0 && s.state == TcpState::established;
  }
}

// Of the namespace that the thread is in.
Seen scan(LinuxKernel& kernel, Detail detail) {
  const auto namespaces = kernel.namespaces();
  REQUIRE(namespaces);
  Seen seen;
  const auto stats = kernel.scan_sockets(std::span(*namespaces).first(1), detail, soon(),
                                         [&](std::span<const Socket> batch) { see(batch, seen); });
  REQUIRE(stats);
  REQUIRE_FALSE(stats->interrupted);
  return seen;
}

// Without the walk.
Seen scan_by_dump() {
  constexpr std::uint32_t kAny = 7;
  DiagScan diag(kAny, "", "/proc", {.tcp = true, .udp = true});
  Seen seen;
  const std::vector<NetNs> own{{kAny, "host"}};
  const SocketSink sink = [&](std::span<const Socket> batch) { see(batch, seen); };
  ScanPass pass(own, sink);
  REQUIRE(diag.scan_tcp(Detail::counts, soon(), pass));
  REQUIRE_FALSE(pass.stats().interrupted);
  return seen;
}

// Bound-only sockets of a namespace, in a scan of all.
int count_bound(LinuxKernel& kernel, std::uint32_t netns) {
  const auto namespaces = kernel.namespaces();
  REQUIRE(namespaces);
  std::ptrdiff_t bound = 0;
  const auto is_bound = [&](const Socket& s) {
    return s.netns == netns && s.protocol == Protocol::tcp && s.state == TcpState::close;
  };
  const auto stats =
      kernel.scan_sockets(*namespaces, Detail::counts, soon(), [&](std::span<const Socket> batch) {
        bound += std::count_if(batch.begin(), batch.end(), is_bound);
      });
  REQUIRE(stats);
  REQUIRE_FALSE(stats->interrupted);
  return static_cast<int>(bound);
}

int count(const Seen& seen, TcpState state) {
  int sum = 0;
  for (const auto& [kind, number] : seen.kinds)
    sum += std::get<TcpState>(kind) == state ? number : 0;
  return sum;
}

}  // namespace

TEST_CASE("many sockets are counted the same by the walk and by inet_diag") {
  const Namespace ns;
  const EveryState sockets;
  const Fd bound = bound_socket("127.0.0.1");
  fill_with_time_wait(kManySockets);
  LinuxKernel kernel(KernelPaths{});
  REQUIRE(socket_walk_of(kernel).on);

  const Seen walked = scan(kernel, Detail::counts);
  const Seen with_inodes = scan(kernel, Detail::owners);
  const Seen dumped = scan_by_dump();

  CHECK(walked.with_inode == 0);
  CHECK(with_inodes.with_inode == dumped.with_inode);
  CHECK(walked.others_follow_listeners);
  CHECK(walked.kinds == dumped.kinds);
  CHECK(with_inodes.kinds == dumped.kinds);
  CHECK(count(walked, TcpState::time_wait) >= kManySockets);
  CHECK(count(walked, TcpState::close) == 1);
}

TEST_CASE(
    "sockets in tables of a namespace's own are handed over once, from wherever it is looked") {
  const bool from_inside = GENERATE(true, false);
  const HeldNetns outside;
  const Namespace inside(1024);
  const auto inode = inside.inode();
  Server server("127.0.0.1");
  const Connection connection = server.connection();
  const Fd udp = bound_socket("127.0.0.1", SOCK_DGRAM);
  const Fd udp_v6 = bound_socket("::1", SOCK_DGRAM);
  const auto look = [&] {
    LinuxKernel kernel(KernelPaths{});
    const auto namespaces = kernel.namespaces();
    REQUIRE(namespaces);
    std::map<std::pair<Protocol, TcpState>, int> seen;
    const auto stats = kernel.scan_sockets(*namespaces, Detail::counts, soon(),
                                           [&](std::span<const Socket> batch) {
                                             for (const Socket& s : batch) {
                                               if (s.netns == inode) ++seen[{s.protocol, s.state}];
                                             }
                                           });
    REQUIRE(stats);
    REQUIRE_FALSE(stats->interrupted);
    CHECK(seen ==
          std::map<std::pair<Protocol, TcpState>, int>{{{Protocol::tcp, TcpState::listen}, 1},
                                                       {{Protocol::tcp, TcpState::established}, 2},
                                                       {{Protocol::udp, TcpState::close}, 2}});
  };
  if (from_inside) {
    look();
  } else {
    outside.enter(look);
  }
}

TEST_CASE("bound-only sockets are looked for in each scan of a few sockets") {
  const Namespace ns(1024);  // a table without the sockets of the host
  LinuxKernel kernel(KernelPaths{});
  CHECK(count(scan(kernel, Detail::counts), TcpState::close) == 0);
  const Fd bound = bound_socket("127.0.0.1");
  CHECK(count(scan(kernel, Detail::counts), TcpState::close) == 1);
}

TEST_CASE("what a namespace had bound is not shown of the next one with its inode") {
  const Namespace ns;
  fill_with_time_wait(kManySockets);  // so many that bound-only sockets are remembered
  LinuxKernel kernel(KernelPaths{});
  std::set<std::uint32_t> inodes;
  {
    const std::array<HeldNetns, 50> gone_soon;
    std::list<Fd> bound;
    for (const HeldNetns& held : gone_soon) {
      inodes.insert(held.inode());
      held.enter([&] { bound.push_back(bound_socket("127.0.0.1")); });
    }
    REQUIRE(count_bound(kernel, *inodes.begin()) == 1);
    bound.clear();
    CHECK(count_bound(kernel, *inodes.begin()) == 1);  // as remembered
  }
  // The kernel gives a free number to a namespace, or to one of the files of one.
  std::optional<HeldNetns> next;
  const Deadline limit = soon();
  do {
    next.emplace();
  } while (!inodes.contains(next->inode()) && std::chrono::steady_clock::now() < limit);
  REQUIRE(inodes.contains(next->inode()));
  CHECK(count_bound(kernel, next->inode()) == 0);
}

TEST_CASE("a table that the walk cannot read is left to inet_diag for a while") {
  constexpr int kTooMany = 9'000;  // in one bucket
  const Namespace ns(1);
  fill_with_time_wait(kTooMany);
  LinuxKernel kernel(KernelPaths{});
  const auto namespaces = kernel.namespaces();
  REQUIRE(namespaces);

  const auto first =
      kernel.scan_sockets(*namespaces, Detail::counts, soon(), [](std::span<const Socket>) {});
  REQUIRE(first);
  CHECK(first->interrupted);  // and so begun anew by its caller
  CHECK_FALSE(socket_walk_of(kernel).on);
  CHECK_THAT(
      socket_walk_of(kernel).reason,
      Catch::Contains("over 8192 sockets in one bucket of 1;") && Catch::Contains("trying again"));

  CHECK(count(scan(kernel, Detail::counts), TcpState::time_wait) == kTooMany);
}

TEST_CASE("without privilege inet_diag is used, and the reason is said") {
  const Namespace ns;
  const EveryState sockets;
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    if (setresuid(kNobody, kNobody, kNobody) != 0) _exit(2);
    LinuxKernel kernel(KernelPaths{});
    const Feature walk = socket_walk_of(kernel);
    const bool is_told = walk.reason.find("needs CAP_BPF and CAP_PERFMON") != std::string::npos;
    const int connected = count(scan(kernel, Detail::counts), TcpState::established);
    _exit(!walk.on && is_told && connected > 0 ? 0 : 1);
  }
  int status = 1;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(status == 0);
}
