#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/kernel/kernel.h"
#include "collectors/kernel/netns_record.h"

namespace socket_exporter {

/// A network namespace as it was found, and how to get into it.
struct FoundNetns {
  NetNs ns;               ///< name and labels complete
  std::uint32_t pid = 0;  ///< a process in it, as the procfs numbers them; 0: none known
  std::string path;       ///< opens it, unless it changed since; empty: no way known
  std::optional<NetnsRecord> record{};  ///< from eBPF
};

/// What a namespace other than "host" is called: by its file below /run/netns, its pod, its
/// container or its inode. The names that CNI makes for pods give way to the pod's own.
std::string netns_name(std::uint32_t inode, std::string_view file, const Workload& workload);

/// Of those with one name the last keeps it, but none takes the first one's; the others become
/// "net:[inode]".
void make_names_unique(std::vector<FoundNetns>& all);

}  // namespace socket_exporter
