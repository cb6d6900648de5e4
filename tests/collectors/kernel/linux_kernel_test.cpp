#include "collectors/kernel/linux_kernel.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <catch2/catch.hpp>

#include "collectors/base/fd.h"
#include "collectors/kernel/proc_net_scan.h"

using namespace socket_exporter;

// These run on the real kernel, in the namespace of the test; nothing here needs a privilege.
namespace {

struct Named {
  Fd fd;
  std::uint16_t port;
};

Named bound(int type) {
  Named socket{Fd(::socket(AF_INET, type, 0)), 0};
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto* const name = reinterpret_cast<sockaddr*>(&address);
  REQUIRE(bind(socket.fd.number(), name, length) == 0);
  REQUIRE(getsockname(socket.fd.number(), name, &length) == 0);
  socket.port = ntohs(address.sin_port);
  return socket;
}

Deadline soon() {
  return std::chrono::steady_clock::now() + std::chrono::seconds(30);
}

// Another program's UDP socket may have the number of our TCP port.
std::vector<Socket> on_port(const std::vector<Socket>& all, std::uint16_t port,
                            Protocol protocol = Protocol::tcp) {
  std::vector<Socket> found;
  std::copy_if(all.begin(), all.end(), std::back_inserter(found),
               [&](const Socket& s) { return s.local_port == port && s.protocol == protocol; });
  return found;
}

std::vector<Socket> scan(LinuxKernel& kernel) {
  std::vector<Socket> sockets;
  const auto namespaces = kernel.namespaces();
  REQUIRE(namespaces);
  const auto stats = kernel.scan_sockets(
      std::span(*namespaces).first(1), Detail::owners, soon(), [&](std::span<const Socket> batch) {
        sockets.insert(sockets.end(), batch.begin(), batch.end());
      });
  REQUIRE(stats);
  CHECK(stats->sockets == sockets.size());
  return sockets;
}

}  // namespace

TEST_CASE("the namespace of a process is found by its number", "[linux_kernel]") {
  LinuxKernel kernel(KernelPaths{});
  const auto namespaces = kernel.namespaces();
  REQUIRE(namespaces);
  const auto own = kernel.netns_of(static_cast<std::uint32_t>(getpid()));
  REQUIRE(own);
  CHECK(*own == namespaces->front().inode);
  CHECK(kernel.netns_of(0).error().kind == Error::Kind::unavailable);
}

TEST_CASE("a scan of the real kernel finds our sockets", "[linux_kernel]") {
  LinuxKernel kernel(KernelPaths{});
  const Named server = bound(SOCK_STREAM);
  REQUIRE(listen(server.fd.number(), 7) == 0);
  const Named udp = bound(SOCK_DGRAM);

  const auto sockets = scan(kernel);

  const auto listeners = on_port(sockets, server.port);
  REQUIRE(listeners.size() == 1);
  CHECK(listeners[0].state == TcpState::listen);
  CHECK(listeners[0].port_bound);
  CHECK(listeners[0].send_queue == 7);
  CHECK(to_string(listeners[0].local) == "127.0.0.1");
  const auto datagram = on_port(sockets, udp.port, Protocol::udp);
  REQUIRE(datagram.size() == 1);
  CHECK(datagram[0].protocol == Protocol::udp);
}

TEST_CASE("a second scan sees what changed", "[linux_kernel]") {
  LinuxKernel kernel(KernelPaths{});
  std::uint16_t port = 0;
  {
    const Named server = bound(SOCK_STREAM);
    REQUIRE(listen(server.fd.number(), 7) == 0);
    port = server.port;
    CHECK(on_port(scan(kernel), port).size() == 1);
  }
  CHECK(on_port(scan(kernel), port).empty());
}

TEST_CASE("procfs gives the same sockets where netlink is refused", "[linux_kernel]") {
  const Named server = bound(SOCK_STREAM);
  REQUIRE(listen(server.fd.number(), 7) == 0);
  const Named udp = bound(SOCK_DGRAM);
  std::vector<Socket> sockets;
  const auto add = [&](std::span<Socket> batch) {
    sockets.insert(sockets.end(), batch.begin(), batch.end());
  };
  REQUIRE(scan_proc_sockets("/proc", Protocol::tcp, soon(), add));
  REQUIRE(scan_proc_sockets("/proc", Protocol::udp, soon(), add));

  const auto listeners = on_port(sockets, server.port);
  REQUIRE(listeners.size() == 1);
  CHECK(listeners[0].state == TcpState::listen);
  CHECK(listeners[0].send_queue == kQueueLimitUnknown);
  CHECK(on_port(sockets, udp.port, Protocol::udp).size() == 1);
  CHECK(sockets.front().state == TcpState::listen);
}

TEST_CASE("a passed deadline ends a scan", "[linux_kernel]") {
  LinuxKernel kernel(KernelPaths{});
  const auto namespaces = kernel.namespaces();
  REQUIRE(namespaces);
  const auto stats = kernel.scan_sockets(std::span(*namespaces).first(1), Detail::owners,
                                         std::chrono::steady_clock::now() - std::chrono::seconds(1),
                                         [](std::span<const Socket>) {});
  REQUIRE_FALSE(stats);
  CHECK(stats.error().kind == Error::Kind::timeout);

  // The dump that was left is forgotten: the next one starts clean.
  CHECK_FALSE(scan(kernel).empty());
}

TEST_CASE("features say what this kernel offers", "[linux_kernel]") {
  const LinuxKernel kernel(KernelPaths{});
  std::vector<std::string> names;
  for (const Feature& feature : kernel.features()) {
    names.push_back(feature.name);
    CHECK(feature.on == feature.reason.empty());
  }
  CHECK(names == std::vector<std::string>{"tcp_diag", "udp_diag", "bound_sockets", "socket_walk",
                                          "all_netns", "process_walk"});
}

TEST_CASE("files below another procfs root are read", "[linux_kernel]") {
  LinuxKernel kernel(KernelPaths{.procfs = "/proc/self/root/proc"});
  const auto namespaces = kernel.namespaces();
  REQUIRE(namespaces);
  CHECK(namespaces->front().name == "host");
  CHECK(namespaces->front().inode != 0);
  CHECK(kernel.read_proc(namespaces->front(), "net/snmp"));
  CHECK(kernel.read_proc(namespaces->front(), "net/absent").error().kind ==
        Error::Kind::unavailable);
}
