#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "collectors/base/result.h"

namespace socket_exporter {

/// Where to listen, as --web.listen-address has it.
struct ListenAddress {
  std::string host;        ///< address or name without brackets; empty: every address of the host
  std::uint16_t port = 0;  ///< 0: a free one
  bool ipv6 = false;       ///< `host` is an IPv6 address
};

/// Reads ":10077", "127.0.0.1:0", "localhost:10077" or "[::1]:10077"; the error says what to write.
Result<ListenAddress> parse_listen_address(std::string_view text);

/// "host:port" as a URL wants it.
std::string to_string(const ListenAddress& address);

}  // namespace socket_exporter
