#pragma once

#include <string>
#include <string_view>

namespace socket_exporter {

/// What the name of a cgroup tells of the process in it; empty: nothing.
struct CgroupIds {
  std::string container;  ///< first 12 hexadecimal digits of its id, or its name (LXC, Garden)
  std::string pod_uid;    ///< with dashes, however the path has it; 32 digits for a static pod

  bool operator==(const CgroupIds&) const = default;
};

/// Takes the deepest container, and the deepest pod around it, of a cgroup's path.
CgroupIds parse_cgroup_path(std::string_view path);

/// What one /proc/<pid>/cgroup tells, whichever of its hierarchies says the most.
struct ProcessCgroup {
  CgroupIds ids;
  bool same_in_v2 = true;  ///< so it is for all in its v2 cgroup; no v1 hierarchy says more
};
ProcessCgroup parse_process_cgroup(std::string_view text);

/// "1f0a2b3c-4d5e-6f70-8192-a3b4c5d6e7f8", or the 32 digits of a static pod.
bool is_pod_uid(std::string_view word);

}  // namespace socket_exporter
