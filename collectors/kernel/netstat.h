#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "collectors/base/result.h"

namespace socket_exporter {

/// One protocol statistic. Protocol and name point into the parsed text.
struct NetstatValue {
  std::string_view protocol;  ///< "TcpExt"
  std::string_view name;      ///< "ListenDrops"
  double value = 0;           ///< the kernel prints signed and 64-bit unsigned numbers
};

/// Says which statistics to return; asked before their values are looked at.
using NetstatFilter = std::function<bool(std::string_view protocol, std::string_view name)>;

/// Contents of /proc/net/netstat or /proc/net/snmp.
Result<std::vector<NetstatValue>> parse_netstat(std::string_view text, const NetstatFilter& wanted);

/// Contents of /proc/net/snmp6. The protocol ends at the first "6"; names without one are skipped.
Result<std::vector<NetstatValue>> parse_snmp6(std::string_view text, const NetstatFilter& wanted);

}  // namespace socket_exporter
