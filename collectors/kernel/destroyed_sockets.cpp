#include "collectors/kernel/destroyed_sockets.h"

#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "collectors/kernel/sock_diag.h"

namespace socket_exporter {
namespace {

// Each message takes some 800 bytes of it; a scrape may be a minute away.
constexpr int kReceiveBytes = 8 << 20;
constexpr std::size_t kLargestMessage = 8192;

}  // namespace

Result<DestroyedSockets> DestroyedSockets::open() {
  Fd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_SOCK_DIAG));
  if (!socket) return errno_error("socket(NETLINK_SOCK_DIAG)", errno);
  // Without CAP_NET_ADMIN as much as net.core.rmem_max allows.
  const int fd = socket.number();
  if (::setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &kReceiveBytes, sizeof kReceiveBytes) < 0) {
    ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &kReceiveBytes, sizeof kReceiveBytes);
  }
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0) {
    return errno_error("bind(NETLINK_SOCK_DIAG)", errno);
  }
  for (const int group : {SKNLGRP_INET_TCP_DESTROY, SKNLGRP_INET6_TCP_DESTROY}) {
    if (::setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) < 0) {
      return errno_error("setsockopt(NETLINK_SOCK_DIAG, NETLINK_ADD_MEMBERSHIP)", errno);
    }
  }
  return DestroyedSockets(std::move(socket));
}

DestroyedSockets::DestroyedSockets(Fd socket)
    : socket_(std::move(socket)), buffer_(kLargestMessage) {}

Result<> DestroyedSockets::read(const Sink& sink) {
  for (;;) {
    const auto message = receive();
    if (!message) return message.error();
    if (message->empty()) return {};
    sockets_.clear();
    const auto decoded = decode_diag_reply(*message, 0, Protocol::tcp, sockets_);
    if (!decoded) return decoded.error();
    for (const Socket& socket : sockets_) sink(socket);
  }
}

// Empty when there is no more. Only the kernel is believed.
Result<std::span<const std::byte>> DestroyedSockets::receive() {
  for (;;) {
    sockaddr_nl sender{};
    socklen_t length = sizeof sender;
    const ssize_t got = ::recvfrom(socket_.number(), buffer_.data(), buffer_.size(), 0,
                                   reinterpret_cast<sockaddr*>(&sender), &length);
    if (got >= 0 && sender.nl_pid == 0) {
      return std::span<const std::byte>(buffer_.data(), static_cast<std::size_t>(got));
    }
    if (got >= 0 || errno == EINTR) continue;
    if (errno == EAGAIN) return std::span<const std::byte>();
    if (errno != ENOBUFS) return errno_error("recv(NETLINK_SOCK_DIAG)", errno);
    ++overflows_;
  }
}

}  // namespace socket_exporter
