#include "exporter/config/service_match.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "collectors/base/text.h"

namespace socket_exporter {
namespace {

// What is in front of the port, and the port's digits where there are any.
struct Parts {
  std::string_view where;
  std::optional<std::string_view> port;
};

Error bad_match(std::string what) {
  return {Error::Kind::malformed, std::move(what)};
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

Result<Parts> split(std::string_view text) {
  if (text.starts_with('[')) {
    const auto close = text.find(']');
    if (close == std::string_view::npos) return bad_match("has no \"]\" behind the address");
    const auto rest = text.substr(close + 1);
    const auto where = text.substr(1, close - 1);
    if (rest.empty()) return Parts{where, std::nullopt};
    if (rest.front() != ':') {
      return bad_match(R"(has more than ":PORT" behind the "]"; write [2001:db8::/32]:443)");
    }
    return Parts{where, rest.substr(1)};
  }
  // Behind a prefix, or where it is the only one, a colon begins a port; others are IPv6's.
  const auto slash = text.find('/');
  const auto from = slash == std::string_view::npos ? 0 : slash;
  const auto colon = text.find(':', from);
  const bool ipv6 = from == 0 && colon != text.rfind(':');
  if (colon == std::string_view::npos || ipv6) return Parts{text, std::nullopt};
  return Parts{text.substr(0, colon), text.substr(colon + 1)};
}

Result<std::uint16_t> parse_port(std::string_view digits) {
  const auto port = parse_number<std::uint16_t>(digits);
  if (port && *port != 0) return *port;
  return bad_match(fmt::format("has the port \"{}\"; ports are 1 to 65535", digits));
}

Result<Cidr> parse_block(std::string_view text) {
  if (const auto block = parse_cidr(text)) return *block;
  const auto slash = text.find('/');
  const auto address = parse_address(text.substr(0, slash));
  if (!address) {
    return bad_match(
        fmt::format("is no CIDR; \"{}\" is no IPv4 or IPv6 address", text.substr(0, slash)));
  }
  const bool ipv6 = text.find(':') != std::string_view::npos;
  const int most = ipv6 ? 128 : 32;
  const auto bits = parse_number<int>(text.substr(slash + 1));
  if (!bits || *bits < 0 || *bits > most) {
    return bad_match(fmt::format("is no CIDR; an IPv{} prefix is /0 to /{}", ipv6 ? 6 : 4, most));
  }
  const int prefix = *bits + 128 - most;
  const auto network = masked(*address, prefix);
  return bad_match(fmt::format("has bits set behind its prefix; the network is \"{}/{}\"",
                               to_string(network), network.is_v4() ? prefix - 96 : *bits));
}

// RFC 1123, and "_" which DNS has in practice.
bool is_host_label(std::string_view label) {
  if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-') {
    return false;
  }
  return std::all_of(label.begin(), label.end(), [](char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || c == '-' || c == '_';
  });
}

bool is_host(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  if (name.empty() || name.size() > 253) return false;
  std::string_view last;
  while (true) {
    const auto dot = name.find('.');
    last = name.substr(0, dot);
    if (!is_host_label(last)) return false;
    if (dot == std::string_view::npos) break;
    name.remove_prefix(dot + 1);
  }
  // Otherwise "10.1.0:443" would be asked from DNS.
  return !std::all_of(last.begin(), last.end(), is_digit);
}

Result<ServiceMatch> host_match(std::string_view name, std::uint16_t port, bool with_port) {
  std::string host(name);
  std::transform(host.begin(), host.end(), host.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (!is_host(host)) {
    return bad_match(
        "is no CIDR, address or host name; write 10.1.0.0/16, 10.1.0.0/16:443 or "
        "host.example.com:443");
  }
  if (!with_port) {
    return bad_match(fmt::format("is a host name without a port; write \"{}:443\"", name));
  }
  return ServiceMatch{std::nullopt, std::move(host), port};
}

}  // namespace

Result<ServiceMatch> parse_service_match(std::string_view text) {
  const auto parts = split(text);
  if (!parts) return parts.error();
  std::uint16_t port = 0;
  if (parts->port) {
    const auto parsed = parse_port(*parts->port);
    if (!parsed) return parsed.error();
    port = *parsed;
  }
  const bool address_like = text.starts_with('[') ||
                            parts->where.find_first_of("/:") != std::string_view::npos ||
                            parse_address(parts->where).has_value();
  if (!address_like) return host_match(parts->where, port, parts->port.has_value());
  const auto block = parse_block(parts->where);
  if (!block) return block.error();
  return ServiceMatch{*block, {}, port};
}

}  // namespace socket_exporter
