#include "collectors/kernel/proc_net_sockets.h"

#include <fmt/format.h>

#include "collectors/base/text.h"

namespace socket_exporter {
namespace {

constexpr std::uint32_t kTimeWaitTimer = 3;
constexpr std::uint32_t kMillisecondsPerTick = 10;  // USER_HZ is 100 on every architecture

struct Endpoint {
  IpAddress address;
  std::uint16_t port = 0;
};

// "0100007F:0277" or 32 digits: each 32-bit word of the address is printed in host order.
std::optional<Endpoint> parse_endpoint(std::string_view word, Family family) {
  const std::size_t digits = family == Family::ipv4 ? 8 : 32;
  if (word.size() != digits + 5 || word[digits] != ':') return std::nullopt;
  std::uint32_t words[4]{};
  for (std::size_t i = 0; i < digits / 8; ++i) {
    const auto part = parse_number<std::uint32_t>(word.substr(8 * i, 8), 16);
    if (!part) return std::nullopt;
    words[i] = *part;
  }
  const auto port = parse_number<std::uint16_t>(word.substr(digits + 1), 16);
  if (!port) return std::nullopt;
  return Endpoint{family == Family::ipv4 ? ipv4_address(words[0]) : ipv6_address(words), *port};
}

struct HexPair {
  std::uint32_t first = 0;
  std::uint32_t second = 0;
};

// "00000000:00000064"
std::optional<HexPair> parse_hex_pair(std::string_view word) {
  const auto colon = word.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto first = parse_number<std::uint32_t>(word.substr(0, colon), 16);
  const auto second = parse_number<std::uint32_t>(word.substr(colon + 1), 16);
  if (!first || !second) return std::nullopt;
  return HexPair{*first, *second};
}

Error malformed(std::string_view line) {
  return {Error::Kind::malformed, fmt::format("/proc/net socket row: \"{}\"", line)};
}

// Behind the inode a full socket has seven words, a request socket two: references and pointer.
bool is_request_socket(std::string_view behind_inode) {
  next_word(behind_inode);
  next_word(behind_inode);
  return behind_inode.empty();
}

}  // namespace

//   0: 0100007F:0277 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1
//   …
Result<Socket> parse_proc_socket(std::string_view line, Protocol protocol, Family family) {
  std::string_view rest = line;
  next_word(rest);  // "0:", the row's number
  const auto local = parse_endpoint(next_word(rest), family);
  const auto remote = parse_endpoint(next_word(rest), family);
  const auto state = parse_number<std::uint8_t>(next_word(rest), 16);
  const auto queues = parse_hex_pair(next_word(rest));
  const auto timer = parse_hex_pair(next_word(rest));
  for (int skipped = 0; skipped < 3; ++skipped) next_word(rest);  // retransmits, uid, timeout
  const auto inode = parse_number<std::uint32_t>(next_word(rest));
  if (!local || !remote || !state || !queues || !timer || !inode) return malformed(line);
  if (*state == 0 || *state >= kTcpStates) return malformed(line);

  Socket socket;
  socket.local = local->address;
  socket.local_port = local->port;
  socket.remote = remote->address;
  socket.remote_port = remote->port;
  socket.send_queue = queues->first;
  socket.receive_queue = queues->second;
  socket.inode = *inode;
  socket.family = family;
  socket.protocol = protocol;
  socket.state = static_cast<TcpState>(*state);
  if (protocol == Protocol::tcp && socket.state == TcpState::syn_recv && is_request_socket(rest)) {
    socket.state = TcpState::new_syn_recv;
  }
  if (protocol == Protocol::tcp && socket.state == TcpState::listen) {
    socket.send_queue = kQueueLimitUnknown;
  }
  if (timer->first == kTimeWaitTimer) {
    socket.time_wait_left =
        std::chrono::duration<std::uint32_t, std::milli>(timer->second * kMillisecondsPerTick);
  }
  return socket;
}

}  // namespace socket_exporter
