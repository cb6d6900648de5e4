#include "collectors/kernel/websocket_port_bits.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace socket_exporter {
namespace {

using Bits = std::array<std::uint32_t, 2048>;

Bits bits_of(const std::vector<std::uint16_t>& ports) {
  Bits bits{};
  for (const unsigned port : ports) bits[port / 32] |= 1U << port % 32;
  return bits;
}

// The programs look at these words, and set bits, meanwhile.
void change(__u32* bits, const Bits& gone, const Bits& added) {
  for (std::size_t i = 0; i < added.size(); ++i) {
    if (added[i] != 0) __atomic_fetch_or(&bits[i], added[i], __ATOMIC_RELAXED);
    const std::uint32_t over = gone[i] & ~added[i];
    if (over != 0) __atomic_fetch_and(&bits[i], ~over, __ATOMIC_RELAXED);
  }
}

}  // namespace

void change_ports(const WebsocketPortBits& bits, const WebsocketPorts& before,
                  const WebsocketPorts& after) {
  change(bits.server, bits_of(before.server), bits_of(after.server));
  change(bits.client, bits_of(before.client), bits_of(after.client));
  *bits.learns = after.learns ? 1 : 0;
  if (after.learns) return;
  Bits all;
  all.fill(~0U);
  change(bits.learned, all, {});
}

}  // namespace socket_exporter
