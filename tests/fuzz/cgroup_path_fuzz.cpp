#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "collectors/kernel/cgroup_path.h"

using namespace socket_exporter;

namespace {

void check(const CgroupIds& ids) {
  if (!ids.pod_uid.empty() && !is_pod_uid(ids.pod_uid)) std::abort();
  if (ids.container.find('/') != std::string::npos) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check(parse_cgroup_path(text));
  check(parse_process_cgroup(text).ids);
  return 0;
}
