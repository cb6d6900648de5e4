#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "collectors/base/fd.h"
#include "collectors/base/result.h"

namespace socket_exporter {

/// Where cgroup2 is mounted, as /proc/<pid>/mountinfo tells.
std::vector<std::string> parse_cgroup2_mounts(std::string_view mountinfo);

/// The root of all cgroups, whose programs see the sockets of all. `unavailable` where it is not
/// mounted, as in most containers: these have but a part.
Result<Fd> open_root_cgroup(const std::string& procfs);

}  // namespace socket_exporter
