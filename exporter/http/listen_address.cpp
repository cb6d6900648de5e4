#include "exporter/http/listen_address.h"

#include <fmt/format.h>

#include <algorithm>

#include "collectors/base/address.h"
#include "collectors/base/text.h"

namespace socket_exporter {
namespace {

constexpr auto kNone = std::string_view::npos;

Error refused(std::string_view text, std::string_view why) {
  return {Error::Kind::malformed,
          fmt::format("listen address '{}': {}; write it as :10077, 127.0.0.1:10077 or [::1]:10077",
                      text, why)};
}

bool in_host_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
}

// RFC 1123: parts of 1 to 63 letters, digits and hyphens, 253 in all; digits alone are
// a wrong address.
bool is_host_name(std::string_view name) {
  if (name.size() > 253 || name.find_first_not_of("0123456789.") == kNone) return false;
  while (!name.empty()) {
    const auto part = name.substr(0, name.find('.'));
    if (part.empty() || part.size() > 63) return false;
    if (!std::all_of(part.begin(), part.end(), in_host_name)) return false;
    if (part.size() + 1 == name.size()) return false;  // a dot at the end
    name.remove_prefix(std::min(part.size() + 1, name.size()));
  }
  return true;
}

}  // namespace

Result<ListenAddress> parse_listen_address(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == kNone) return refused(text, "no port");
  const auto port = parse_number<std::uint16_t>(text.substr(colon + 1));
  if (!port) return refused(text, "the port is no number from 0 to 65535");

  std::string_view host = text.substr(0, colon);
  const bool bracketed = host.starts_with('[') && host.ends_with(']') && host.size() > 2;
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (!bracketed && host.find(':') != kNone) {
    return refused(text, "an IPv6 address needs brackets");
  }
  ListenAddress address{.host = std::string(host), .port = *port, .ipv6 = bracketed};
  if (bracketed && (host.find(':') == kNone || !parse_address(host))) {
    return refused(text, "no IPv6 address between the brackets");
  }
  if (!bracketed && !host.empty() && !parse_address(host) && !is_host_name(host)) {
    return refused(text, "no address or host name before the port");
  }
  return address;
}

std::string to_string(const ListenAddress& address) {
  return address.ipv6 ? fmt::format("[{}]:{}", address.host, address.port)
                      : fmt::format("{}:{}", address.host, address.port);
}

}  // namespace socket_exporter
