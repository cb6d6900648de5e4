#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace socket_exporter {

/// An IPv4 or IPv6 address in network order. IPv4 is held as ::ffff:a.b.c.d, so
/// a v4-mapped peer of an IPv6 socket equals the same peer of an IPv4 socket.
struct IpAddress {
  std::array<std::uint8_t, 16> bytes{};

  bool is_v4() const {
    constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    return std::memcmp(bytes.data(), kMapped.data(), kMapped.size()) == 0;
  }
  bool is_unspecified() const;  ///< 0.0.0.0 or ::
  bool is_loopback() const;     ///< 127.0.0.0/8 or ::1
  std::strong_ordering operator<=>(const IpAddress&) const = default;
  bool operator==(const IpAddress& other) const { return halves() == other.halves(); }

  std::array<std::uint64_t, 2> halves() const {
    std::array<std::uint64_t, 2> both;
    std::memcpy(both.data(), bytes.data(), sizeof both);
    return both;
  }
};

inline IpAddress ipv4_address(std::uint32_t network_order) {
  IpAddress address{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}};
  std::memcpy(&address.bytes[12], &network_order, sizeof network_order);
  return address;
}
inline IpAddress ipv6_address(const void* sixteen_bytes) {
  IpAddress address;
  std::memcpy(address.bytes.data(), sixteen_bytes, address.bytes.size());
  return address;
}

/// "10.1.2.3" or "2001:db8::1" (RFC 5952).
std::string to_string(const IpAddress& address);
/// "10.1.2.3:443" or "[2001:db8::1]:443".
std::string to_string(const IpAddress& address, std::uint16_t port);

std::optional<IpAddress> parse_address(std::string_view text);

/// The address with every bit behind the prefix cleared; as in Cidr, of the 128 bits.
IpAddress masked(IpAddress address, int prefix);

/// A block of addresses of one family, "10.0.0.0/8", or one address.
struct Cidr {
  IpAddress network;
  int prefix = 128;  ///< in bits of the 128; IPv4 prefixes are 96 more

  bool contains(const IpAddress& address) const;
  bool operator==(const Cidr&) const = default;
};

/// Nothing when it is no address or block, or has bits set behind the prefix.
std::optional<Cidr> parse_cidr(std::string_view text);

/// Spreads addresses and ports over 64 bits, for hash tables of sockets.
inline std::uint64_t hash_mix(std::uint64_t x) {
  x ^= x >> 32U;
  x *= 0x9E3779B97F4A7C15U;  // golden ratio, as in Fibonacci hashing
  return x ^ (x >> 29U);
}
/// To be mixed, with what else is in the key.
inline std::uint64_t hash_of(const IpAddress& address) {
  const auto [first, second] = address.halves();
  return first * 0xC2B2AE3D27D4EB4FU + second * 0x165667B19E3779F9U;  // large odd numbers
}

}  // namespace socket_exporter
