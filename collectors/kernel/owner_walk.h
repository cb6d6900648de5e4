#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "collectors/base/result.h"
#include "collectors/kernel/kernel.h"
#include "collectors/kernel/owners.h"

namespace socket_exporter {

/// The inode in "socket:[12345]", the target of a descriptor's link; nothing for other files.
std::optional<std::uint32_t> parse_socket_link(std::string_view target);

/// Looks at all descriptors of all processes below a procfs root. Processes that end meanwhile
/// are left out.
Result<Owners> read_owners(const std::string& procfs_root, const WorkloadOf& workload_of,
                           Deadline deadline);

}  // namespace socket_exporter
