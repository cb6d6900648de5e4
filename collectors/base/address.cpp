#include "collectors/base/address.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>

#include "collectors/base/text.h"

namespace socket_exporter {
namespace {

constexpr int kMappedBits = 96;

}  // namespace

bool IpAddress::is_unspecified() const {
  return std::all_of(bytes.begin() + (is_v4() ? 12 : 0), bytes.end(),
                     [](std::uint8_t b) { return b == 0; });
}

bool IpAddress::is_loopback() const {
  constexpr IpAddress kIpv6Loopback{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};
  return is_v4() ? bytes[12] == 127 : *this == kIpv6Loopback;
}

std::string to_string(const IpAddress& address) {
  char text[INET6_ADDRSTRLEN];
  const bool v4 = address.is_v4();
  inet_ntop(v4 ? AF_INET : AF_INET6, &address.bytes[v4 ? 12 : 0], text, sizeof text);
  return text;
}

std::string to_string(const IpAddress& address, std::uint16_t port) {
  return address.is_v4() ? fmt::format("{}:{}", to_string(address), port)
                         : fmt::format("[{}]:{}", to_string(address), port);
}

std::optional<IpAddress> parse_address(std::string_view text) {
  if (text.find('\0') != std::string_view::npos) return std::nullopt;  // inet_pton would stop there
  const std::string terminated(text);
  std::uint32_t v4 = 0;
  if (inet_pton(AF_INET, terminated.c_str(), &v4) == 1) return ipv4_address(v4);
  IpAddress v6;
  if (inet_pton(AF_INET6, terminated.c_str(), v6.bytes.data()) == 1) return v6;
  return std::nullopt;
}

IpAddress masked(IpAddress address, int prefix) {
  for (int i = 0; i < 16; ++i) {
    const int keep = std::clamp(prefix - 8 * i, 0, 8);
    auto& byte = address.bytes[static_cast<std::size_t>(i)];
    byte = static_cast<std::uint8_t>(byte & (0xff00U >> static_cast<unsigned>(keep)));
  }
  return address;
}

bool Cidr::contains(const IpAddress& address) const {
  // "::/0" is all of IPv6, although ::ffff:a.b.c.d lies in it.
  if (prefix < kMappedBits && address.is_v4()) return false;
  return masked(address, prefix) == network;
}

std::optional<Cidr> parse_cidr(std::string_view text) {
  const auto slash = text.find('/');
  const auto address = parse_address(text.substr(0, slash));
  if (!address) return std::nullopt;
  // "::ffff:10.0.0.0/104" counts in bits of the 128 already.
  const int base = text.find(':') == std::string_view::npos ? kMappedBits : 0;
  if (slash == std::string_view::npos) return Cidr{*address, 128};
  const auto bits = parse_number<int>(text.substr(slash + 1));
  if (!bits || *bits < 0 || *bits > 128 - base) return std::nullopt;
  const Cidr cidr{*address, base + *bits};
  if (masked(cidr.network, cidr.prefix) != cidr.network) return std::nullopt;
  return cidr;
}

}  // namespace socket_exporter
