#pragma once

#include <cstdint>
#include <span>

namespace socket_exporter {

/// Ends reading on each TCP socket of this process with one of these local ports, so that whoever
/// waits there for a client or its next request waits no longer. What is being sent is sent.
void end_reading(std::span<const std::uint16_t> local_ports);

}  // namespace socket_exporter
