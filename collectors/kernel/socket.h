#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "collectors/base/address.h"

namespace socket_exporter {

enum class Family : std::uint8_t { ipv4, ipv6 };
enum class Protocol : std::uint8_t { tcp, udp };

/// Values are the kernel's (include/net/tcp_states.h), so a cast is enough.
enum class TcpState : std::uint8_t {
  established = 1,
  syn_sent,
  syn_recv,
  fin_wait1,
  fin_wait2,
  time_wait,
  close,
  close_wait,
  last_ack,
  listen,
  closing,
  new_syn_recv,
};
inline constexpr std::size_t kTcpStates = 13;

inline constexpr std::array<std::string_view, kTcpStates> kTcpStateNames{
    "",      "established", "syn_sent", "syn_recv", "fin_wait1", "fin_wait2",   "time_wait",
    "close", "close_wait",  "last_ack", "listen",   "closing",   "new_syn_recv"};

/// `send_queue` of a listener whose limit the source does not tell (/proc/net/tcp).
inline constexpr std::uint32_t kQueueLimitUnknown = ~0U;

/// One socket as the kernel reported it. UDP uses the states `established`
/// (connected) and `close`, as the kernel does.
struct Socket {
  IpAddress local{};
  IpAddress remote{};
  std::uint32_t netns = 0;          ///< inode of its network namespace
  std::uint32_t inode = 0;          ///< 0: no owner (time_wait, not yet accepted)
  std::uint32_t receive_queue = 0;  ///< bytes; of a listener: connections waiting for accept()
  std::uint32_t send_queue = 0;     ///< bytes; of a listener: the limit of that queue
  std::chrono::duration<std::uint32_t, std::milli> time_wait_left{0};
  std::uint16_t local_port = 0;  ///< host order
  std::uint16_t remote_port = 0;
  Family family = Family::ipv4;  ///< of the socket: ipv6 also with a v4-mapped peer, as `ss -6`
  Protocol protocol = Protocol::tcp;
  TcpState state = TcpState::close;
  bool inbound = false;     ///< accepted by a listener: a listener of this namespace has its port
  bool port_bound = false;  ///< bind() or listen() holds its port, so connect() never takes it
};

constexpr std::string_view to_string(Family f) {
  return f == Family::ipv4 ? "ipv4" : "ipv6";
}
constexpr std::string_view to_string(Protocol p) {
  return p == Protocol::tcp ? "tcp" : "udp";
}
constexpr std::string_view to_string(TcpState s) {
  return kTcpStateNames[static_cast<std::size_t>(s)];
}

}  // namespace socket_exporter
