#include "collectors/kernel/linux_kernel.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "collectors/base/fd.h"
#include "collectors/kernel/bound_ports.h"
#include "collectors/kernel/owner_walk.h"
#include "collectors/kernel/proc_file.h"
#include "collectors/kernel/proc_net_scan.h"

namespace socket_exporter {
namespace {

constexpr std::chrono::seconds kProbeTime{5};

Deadline in(std::chrono::seconds time) {
  return std::chrono::steady_clock::now() + time;
}

// The kernel may be without IPv6: not a failure of the scan.
bool is_failure(Family family, const Error& error) {
  return family == Family::ipv4 || error.kind != Error::Kind::unavailable;
}

// Whether a dump shows a socket that has only called bind(): tried with one of our own.
Result<bool> lists_bound_sockets(SockDiag& diag) {
  const Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket) return errno_error("socket", errno);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* const name = reinterpret_cast<sockaddr*>(&address);
  socklen_t length = sizeof address;
  if (bind(socket.number(), name, length) < 0) return errno_error("bind", errno);
  if (getsockname(socket.number(), name, &length) < 0) return errno_error("getsockname", errno);

  bool listed = false;
  const auto dump = diag.dump_tcp_bound(in(kProbeTime), [&](std::span<Socket> sockets) {
    listed |= std::any_of(sockets.begin(), sockets.end(),
                          [&](const Socket& s) { return s.local_port == ntohs(address.sin_port); });
  });
  if (!dump) return dump.error();
  return listed;
}

}  // namespace

/// Completes the sockets of one scan and hands them on.
class LinuxKernel::Pass {
 public:
  Pass(const NetNs& ns, const SocketSink& sink) : netns_(ns.inode), sink_(sink) {}

  void add(std::span<Socket> sockets) {
    for (Socket& socket : sockets) socket.netns = netns_;
    bound_ports_.mark(sockets);
    stats_.sockets += sockets.size();
    sink_(sockets);
  }
  std::uint32_t netns() const { return netns_; }
  void note(const DiagReply& reply) { stats_.interrupted |= reply.interrupted; }
  const ScanStats& stats() const { return stats_; }

 private:
  std::uint32_t netns_;
  const SocketSink& sink_;
  BoundPorts bound_ports_;
  ScanStats stats_;
};

LinuxKernel::LinuxKernel(std::string procfs_root) : root_(std::move(procfs_root)) {
  probe();
}

void LinuxKernel::probe() {
  const auto ignore = [](std::span<Socket>) {};
  const auto ask = [&](std::string name, const auto& dump) {
    auto socket = diag();
    const Result<DiagReply> reply = socket ? dump(**socket) : Result<DiagReply>(socket.error());
    const bool on = static_cast<bool>(reply);
    features_.push_back(
        {std::move(name), on, on ? "" : reply.error().what + "; reading /proc/net instead"});
    if (!on) diag_.reset();
    return on;
  };
  tcp_diag_ =
      ask("tcp_diag", [&](SockDiag& d) { return d.dump_tcp_listeners(in(kProbeTime), ignore); });
  udp_diag_ = ask("udp_diag",
                  [&](SockDiag& d) { return d.dump_udp(Family::ipv4, in(kProbeTime), ignore); });

  Feature bound{"bound_sockets", false, "needs tcp_diag"};
  if (tcp_diag_) {
    const auto listed = lists_bound_sockets(*diag_);
    bound.on = listed && *listed;
    bound.reason = !listed   ? listed.error().what
                   : *listed ? ""
                             : "sockets that only called bind() are listed from Linux 6.8 on";
  }
  features_.push_back(std::move(bound));
}

Result<SockDiag*> LinuxKernel::diag() {
  if (!diag_) {
    auto opened = SockDiag::open();
    if (!opened) return opened.error();
    diag_ = std::move(*opened);
  }
  return &*diag_;
}

Result<std::vector<NetNs>> LinuxKernel::namespaces() {
  if (!own_netns_) {
    struct stat status {};
    const std::string path = root_ + "/self/ns/net";
    if (stat(path.c_str(), &status) < 0) return errno_error("stat " + path, errno);
    own_netns_ = static_cast<std::uint32_t>(status.st_ino);
  }
  return std::vector<NetNs>{{*own_netns_, "host"}};
}

Result<std::string> LinuxKernel::read_proc(const NetNs& /*ns*/, std::string_view path) {
  return read_file(fmt::format("{}/{}", root_, path));
}

Result<std::size_t> LinuxKernel::count_proc_entries(std::string_view path) {
  return count_entries(fmt::format("{}/{}", root_, path));
}

std::vector<Feature> LinuxKernel::features() const {
  std::vector<Feature> all = features_;
  all.push_back(tcp_scan_.feature());
  return all;
}

Result<ScanStats> LinuxKernel::scan_sockets(const NetNs& ns, Detail detail, Deadline deadline,
                                            const SocketSink& sink) {
  Pass pass(ns, sink);
  const auto add = [&](std::span<Socket> sockets) { pass.add(sockets); };
  auto result = tcp_diag_ ? scan_tcp_diag(pass, detail, deadline)
                          : scan_proc_sockets(root_, Protocol::tcp, deadline, add);
  if (result) {
    result = udp_diag_ ? scan_udp_diag(pass, deadline)
                       : scan_proc_sockets(root_, Protocol::udp, deadline, add);
  }
  if (!result) {
    diag_.reset();
    return result.error();
  }
  return pass.stats();
}

Result<Owners> LinuxKernel::socket_owners(Deadline deadline) {
  return read_owners(root_, deadline);
}

Result<> LinuxKernel::scan_tcp_diag(Pass& pass, Detail detail, Deadline deadline) {
  const auto socket = diag();
  if (!socket) return socket.error();
  const auto reply = tcp_scan_.scan(**socket, pass.netns(), detail, deadline,
                                    [&](std::span<Socket> sockets) { pass.add(sockets); });
  if (!reply) return reply.error();
  pass.note(*reply);
  return {};
}

Result<> LinuxKernel::scan_udp_diag(Pass& pass, Deadline deadline) {
  const auto socket = diag();
  if (!socket) return socket.error();
  for (const Family family : {Family::ipv4, Family::ipv6}) {
    const auto reply = (*socket)->dump_udp(family, deadline,
                                           [&](std::span<Socket> sockets) { pass.add(sockets); });
    if (!reply && is_failure(family, reply.error())) return reply.error();
    if (reply) pass.note(*reply);
  }
  return {};
}

}  // namespace socket_exporter
