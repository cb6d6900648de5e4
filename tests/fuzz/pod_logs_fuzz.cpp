#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "collectors/kernel/pod_logs.h"

using namespace socket_exporter;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto parsed = parse_pod_log_directory(text);
  if (!parsed) return 0;
  const std::string again = parsed->name.pod_namespace + "_" + parsed->name.pod + "_" + parsed->uid;
  if (again != text) std::abort();
  return 0;
}
