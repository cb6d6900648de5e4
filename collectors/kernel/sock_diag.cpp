#include "collectors/kernel/sock_diag.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace socket_exporter {
namespace {

constexpr std::uint32_t state_bit(std::uint32_t state) {
  return 1U << state;
}
constexpr std::uint32_t kListen = state_bit(static_cast<std::uint32_t>(TcpState::listen));
// TCP_BOUND_INACTIVE of include/net/tcp_states.h, Linux 6.8; older kernels ignore the bit.
constexpr std::uint32_t kBoundInactive = state_bit(13);
constexpr std::uint32_t kAllTcpStates = 0x1ffeU;  // 1 (ESTABLISHED) to 12 (NEW_SYN_RECV)
constexpr std::uint8_t kTimeWaitTimer = 3;        // idiag_timer: "a TIME-WAIT timer"

// The kernel fills at most 32 KiB per reply, however large the buffer (af_netlink.c).
constexpr std::size_t kReplyBytes = 32768;

constexpr int kMaxErrno = 4095;  // MAX_ERRNO, include/linux/err.h

// A dump is answered at once, so silence is an error.
constexpr std::chrono::seconds kReplyTimeout{2};

template <typename T>
T read_struct(std::span<const std::byte> bytes) {
  T value;
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

IpAddress address_of(std::uint8_t family, const std::uint32_t (&words)[4]) {
  return family == AF_INET6 ? ipv6_address(words) : ipv4_address(words[0]);
}

// Full sockets carry INET_DIAG_SHUTDOWN, request sockets do not (net/ipv4/inet_diag.c,
// inet_diag_msg_attrs_fill); both are reported as SYN_RECV.
bool has_shutdown_attribute(std::span<const std::byte> attributes) {
  while (attributes.size() >= sizeof(nlattr)) {
    const auto header = read_struct<nlattr>(attributes);
    if (header.nla_type == INET_DIAG_SHUTDOWN) return true;
    const std::size_t step = NLA_ALIGN(header.nla_len);
    if (header.nla_len < sizeof(nlattr) || step > attributes.size()) return false;
    attributes = attributes.subspan(step);
  }
  return false;
}

TcpState state_of(const inet_diag_msg& row, std::span<const std::byte> attributes) {
  const auto state = static_cast<TcpState>(row.idiag_state);
  const bool request = state == TcpState::syn_recv && !has_shutdown_attribute(attributes);
  return request ? TcpState::new_syn_recv : state;
}

Result<Socket> decode_row(std::span<const std::byte> payload, Protocol protocol) {
  if (payload.size() < sizeof(inet_diag_msg)) {
    return Error{Error::Kind::malformed, fmt::format("sock_diag: row of {} bytes", payload.size())};
  }
  const auto row = read_struct<inet_diag_msg>(payload);
  if (row.idiag_state == 0 || row.idiag_state >= kTcpStates) {
    return Error{Error::Kind::malformed, fmt::format("sock_diag: state {}", row.idiag_state)};
  }
  Socket socket;
  socket.local = address_of(row.idiag_family, row.id.idiag_src);
  socket.remote = address_of(row.idiag_family, row.id.idiag_dst);
  socket.local_port = ntohs(row.id.idiag_sport);
  socket.remote_port = ntohs(row.id.idiag_dport);
  socket.inode = row.idiag_inode;
  socket.receive_queue = row.idiag_rqueue;
  socket.send_queue = row.idiag_wqueue;
  socket.family = row.idiag_family == AF_INET6 ? Family::ipv6 : Family::ipv4;
  socket.protocol = protocol;
  socket.state = state_of(row, payload.subspan(sizeof row));
  if (row.idiag_timer == kTimeWaitTimer) {
    socket.time_wait_left = std::chrono::duration<std::uint32_t, std::milli>(row.idiag_expires);
  }
  return socket;
}

// NLMSG_ERROR and NLMSG_DONE both begin with 0 or -errno. A dump that has no handler, because
// a diag module is absent, ends with the latter (netlink_dump_done, net/netlink/af_netlink.c).
Result<> verdict_of(std::span<const std::byte> payload) {
  if (payload.size() < sizeof(int)) {
    return Error{Error::Kind::malformed, "sock_diag: short NLMSG_ERROR or NLMSG_DONE"};
  }
  const int verdict = read_struct<int>(payload);
  if (verdict < -kMaxErrno) {
    return Error{Error::Kind::malformed, fmt::format("sock_diag: verdict {}", verdict)};
  }
  if (verdict < 0) return errno_error("sock_diag: dump", -verdict);
  return {};
}

bool is_row(std::uint16_t type) {
  return type == TCPDIAG_GETSOCK || type == SOCK_DIAG_BY_FAMILY;
}

// One message of the dump: a row, its end, or what is not for us.
Result<> decode_message(const nlmsghdr& header, std::span<const std::byte> payload,
                        Protocol protocol, DiagReply& reply, std::vector<Socket>& sockets) {
  const std::uint16_t type = header.nlmsg_type;
  reply.interrupted |= type == NLMSG_OVERRUN || (header.nlmsg_flags & NLM_F_DUMP_INTR) != 0;
  if (type == NLMSG_ERROR || type == NLMSG_DONE) {
    reply.done = true;
    return verdict_of(payload);
  }
  if (!is_row(type)) return {};
  const auto socket = decode_row(payload, protocol);
  if (!socket) return socket.error();
  sockets.push_back(*socket);
  return {};
}

timeval as_timeval(std::chrono::microseconds time) {
  return {.tv_sec = static_cast<time_t>(time.count() / 1'000'000),
          .tv_usec = static_cast<suseconds_t>(time.count() % 1'000'000)};
}

Error timed_out() {
  return {Error::Kind::timeout, "sock_diag: deadline passed during the dump"};
}

}  // namespace

Result<DiagReply> decode_diag_reply(std::span<const std::byte> reply, std::uint32_t sequence,
                                    Protocol protocol, std::vector<Socket>& sockets) {
  DiagReply result;
  while (!reply.empty() && !result.done) {
    if (reply.size() < sizeof(nlmsghdr)) {
      return Error{Error::Kind::malformed, "sock_diag: short netlink header"};
    }
    const auto header = read_struct<nlmsghdr>(reply);
    if (header.nlmsg_len < sizeof header || header.nlmsg_len > reply.size()) {
      return Error{Error::Kind::malformed, fmt::format("sock_diag: message of {} bytes in {}",
                                                       header.nlmsg_len, reply.size())};
    }
    const auto payload = reply.subspan(sizeof header, header.nlmsg_len - sizeof header);
    reply = reply.subspan(std::min<std::size_t>(NLMSG_ALIGN(header.nlmsg_len), reply.size()));
    if (header.nlmsg_seq != sequence) continue;

    const auto decoded = decode_message(header, payload, protocol, result, sockets);
    if (!decoded) return decoded.error();
  }
  return result;
}

Result<SockDiag> SockDiag::open() {
  Fd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  if (!socket) return errno_error("socket(NETLINK_SOCK_DIAG)", errno);
  const timeval timeout = as_timeval(kReplyTimeout);
  if (setsockopt(socket.number(), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout) < 0) {
    return errno_error("setsockopt(NETLINK_SOCK_DIAG, SO_RCVTIMEO)", errno);
  }
  return SockDiag(std::move(socket));
}

SockDiag::SockDiag(Fd socket) : socket_(std::move(socket)), buffer_(kReplyBytes) {
  sockets_.reserve(kReplyBytes / sizeof(inet_diag_msg));
}

Result<DiagReply> SockDiag::dump_tcp(Deadline deadline, const Sink& sink) {
  return dump_tcp_states(kAllTcpStates | kBoundInactive, deadline, sink);
}

Result<DiagReply> SockDiag::dump_tcp_but_bound(Deadline deadline, const Sink& sink) {
  return dump_tcp_states(kAllTcpStates, deadline, sink);
}

Result<DiagReply> SockDiag::dump_tcp_listeners(Deadline deadline, const Sink& sink) {
  return dump_tcp_states(kListen, deadline, sink);
}

Result<DiagReply> SockDiag::dump_tcp_bound(Deadline deadline, const Sink& sink) {
  return dump_tcp_states(kBoundInactive, deadline, sink);
}

template <typename Request>
Result<> SockDiag::send_request(std::uint16_t type, const Request& request) {
  struct {
    nlmsghdr header;
    Request request;
  } message{};
  message.header = {.nlmsg_len = sizeof message,
                    .nlmsg_type = type,
                    .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
                    .nlmsg_seq = ++sequence_,
                    .nlmsg_pid = 0};
  message.request = request;
  if (send(socket_.number(), &message, sizeof message, 0) < 0) {
    return errno_error("sock_diag: send", errno);
  }
  return {};
}

// TCPDIAG_GETSOCK makes the kernel walk its table once for both families, where
// SOCK_DIAG_BY_FAMILY would walk it twice (net/ipv4/inet_diag.c, inet_diag_dump_compat).
Result<DiagReply> SockDiag::dump_tcp_states(std::uint32_t states, Deadline deadline,
                                            const Sink& sink) {
  inet_diag_req request{};
  request.idiag_family = AF_INET;
  request.idiag_states = states;
  if (const auto sent = send_request(TCPDIAG_GETSOCK, request); !sent) return sent.error();
  return receive(Protocol::tcp, deadline, sink);
}

Result<DiagReply> SockDiag::dump_udp(Family family, Deadline deadline, const Sink& sink) {
  inet_diag_req_v2 request{};
  request.sdiag_family = family == Family::ipv4 ? AF_INET : AF_INET6;
  request.sdiag_protocol = IPPROTO_UDP;
  request.idiag_states = ~0U;
  if (const auto sent = send_request(SOCK_DIAG_BY_FAMILY, request); !sent) return sent.error();
  return receive(Protocol::udp, deadline, sink);
}

Result<DiagReply> SockDiag::receive(Protocol protocol, Deadline deadline, const Sink& sink) {
  DiagReply total;
  while (!total.done) {
    if (std::chrono::steady_clock::now() >= deadline) return timed_out();
    const auto bytes = receive_reply();
    if (!bytes) return bytes.error();
    if (bytes->empty()) {
      total.interrupted = true;
      continue;
    }
    sockets_.clear();
    const auto reply = decode_diag_reply(*bytes, sequence_, protocol, sockets_);
    if (!reply) return reply.error();
    if (!sockets_.empty()) sink(sockets_);
    total.interrupted |= reply->interrupted;
    total.done = reply->done;
  }
  return total;
}

// Empty after ENOBUFS: replies were lost, so the pass does not count, but the dump goes on.
Result<std::span<const std::byte>> SockDiag::receive_reply() {
  for (;;) {
    sockaddr_nl sender{};
    socklen_t length = sizeof sender;
    const ssize_t received = recvfrom(socket_.number(), buffer_.data(), buffer_.size(), MSG_TRUNC,
                                      reinterpret_cast<sockaddr*>(&sender), &length);
    if (received < 0 && errno == EINTR) continue;
    if (received < 0 && errno == ENOBUFS) return std::span<const std::byte>{};
    if (received < 0) return errno_error("sock_diag: recv", errno);
    if (sender.nl_pid != 0) continue;  // only the kernel is believed
    if (static_cast<std::size_t>(received) > buffer_.size()) {
      return Error{Error::Kind::io, fmt::format("sock_diag: reply of {} bytes was cut", received)};
    }
    return std::span<const std::byte>(buffer_.data(), static_cast<std::size_t>(received));
  }
}

Result<bool> lists_bound_sockets(SockDiag& diag, Deadline deadline) {
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
  const auto dump = diag.dump_tcp_bound(deadline, [&](std::span<Socket> sockets) {
    listed |= std::any_of(sockets.begin(), sockets.end(),
                          [&](const Socket& s) { return s.local_port == ntohs(address.sin_port); });
  });
  if (!dump) return dump.error();
  return listed;
}

}  // namespace socket_exporter
