#include <cstdlib>

#include "collectors/kernel/sys_net.h"

using namespace socket_exporter;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto range = parse_port_range(text);
  if (range && range->min > range->max) std::abort();
  const auto reserved = parse_reserved_ports(text);
  if (reserved) {
    for (const PortRange& r : *reserved) {
      if (r.min > r.max) std::abort();
    }
  }
  (void)parse_tcp_mem(text);
  (void)parse_file_nr(text);
  return 0;
}
