#pragma once

#include "exporter/diagnosis/checks.h"

namespace socket_exporter {

/// Pure. The check system-ports: the worse of the TCP and the UDP ports of the range.
CheckResult check_system_ports(const Inspection& seen, const Levels& levels);

}  // namespace socket_exporter
