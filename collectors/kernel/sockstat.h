#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "collectors/base/result.h"

namespace socket_exporter {

/// One number of /proc/net/sockstat. Protocol and field point into the parsed text.
struct SockstatValue {
  std::string_view protocol;  ///< "TCP"; "sockets" for the sum of all
  std::string_view field;     ///< "orphan"
  std::int64_t value = 0;     ///< memory is in pages, except that of FRAG
};

/// Contents of /proc/net/sockstat or /proc/net/sockstat6, in the kernel's order.
Result<std::vector<SockstatValue>> parse_sockstat(std::string_view text);

/// One number of them, or nothing when the kernel did not print it.
std::optional<std::int64_t> find_sockstat(std::span<const SockstatValue> values,
                                          std::string_view protocol, std::string_view field);

}  // namespace socket_exporter
