#pragma once

#include <string_view>

#include "collectors/base/result.h"
#include "collectors/kernel/socket.h"

namespace socket_exporter {

/// One row of /proc/net/tcp, tcp6, udp or udp6, as the kernel's get_tcp4_sock() and its
/// siblings print it. The header line is not a row.
Result<Socket> parse_proc_socket(std::string_view line, Protocol protocol, Family family);

}  // namespace socket_exporter
