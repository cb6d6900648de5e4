#pragma once

#include <string_view>
#include <vector>

#include "collectors/snapshot.h"

namespace socket_exporter {

/// What the exporter's own namespace is called, and all together.
inline constexpr std::string_view kOwnNetns = "host";
inline constexpr std::string_view kAllNetns = "all";

/// The namespaces meant by a name as metrics show it (label `netns`), by the number of a process in
/// it, or by "all". An error is one line that names some there are. Gather thread, or a program
/// that has no other.
Result<std::vector<NetNs>> choose_namespaces(Kernel& kernel, const Snapshot& snapshot,
                                             std::string_view wanted);

}  // namespace socket_exporter
