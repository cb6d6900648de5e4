#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "collectors/base/result.h"
#include "collectors/kernel/netns_tasks.h"

namespace socket_exporter {

/// In which network namespace each process is, as far as that may be seen.
struct NetnsWalk {
  std::vector<NetnsTask> tasks;
  std::uint64_t unreadable = 0;  ///< processes that may not be looked at
};

/// Looks at the processes below a procfs root one by one.
Result<NetnsWalk> walk_netns(const std::string& procfs_root);

/// Inode of the namespace that a file such as /proc/42/ns/net is.
Result<std::uint32_t> namespace_inode(const std::string& path);

/// Whether that procfs numbers processes as the first pid namespace does; also that of the host,
/// mounted into a container.
bool is_of_first_pids(const std::string& procfs_root);

}  // namespace socket_exporter
