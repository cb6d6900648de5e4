#pragma once

#include <bitset>

namespace socket_exporter {

/// Ports 0..65535 as a set, in host order. 8 KiB: keep it off the stack of small threads.
using PortSet = std::bitset<65536>;

}  // namespace socket_exporter
