#pragma once

#include <functional>
#include <span>
#include <string>

#include "collectors/base/result.h"
#include "collectors/kernel/kernel.h"
#include "collectors/kernel/socket.h"

namespace socket_exporter {

/// All sockets of a protocol from <root>/net/{tcp,udp}{,6}, in batches, TCP listeners first.
/// For hosts where netlink is refused: several times dearer, and bound-only sockets and the
/// limits of accept queues are not there.
Result<> scan_proc_sockets(const std::string& root, Protocol protocol, Deadline deadline,
                           const std::function<void(std::span<Socket>)>& sink);

}  // namespace socket_exporter
