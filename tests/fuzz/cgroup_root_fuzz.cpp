#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "collectors/kernel/cgroup_root.h"

using namespace socket_exporter;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const std::string& mount : parse_cgroup2_mounts(text)) {
    if (mount.empty()) std::abort();
  }
  return 0;
}
