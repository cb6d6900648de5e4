#include "collectors/kernel/conntrack.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  (void)socket_exporter::parse_conntrack_stat({reinterpret_cast<const char*>(data), size});
  return 0;
}
