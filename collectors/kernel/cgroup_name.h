#pragma once

#include <cstdint>
#include <string>

#include "collectors/base/fd.h"
#include "collectors/base/result.h"

namespace socket_exporter {

/// The path of the v2 cgroup with that id, as this process sees it. `root` is open_root_cgroup()'s.
Result<std::string> cgroup_path(const Fd& root, std::uint64_t id);

}  // namespace socket_exporter
