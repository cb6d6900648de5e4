#include <cstdlib>

#include "collectors/base/text.h"
#include "collectors/kernel/netstat.h"

using namespace socket_exporter;

// Whatever is accepted can be part of a metric name.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto statistics =
      parse_snmp6({reinterpret_cast<const char*>(data), size},
                  [](std::string_view protocol, std::string_view) { return protocol != "IpExt"; });
  if (!statistics) return 0;
  for (const NetstatValue& s : *statistics) {
    if (!is_name(s.protocol) || !is_name(s.name) || s.protocol == "IpExt") std::abort();
  }
  return 0;
}
