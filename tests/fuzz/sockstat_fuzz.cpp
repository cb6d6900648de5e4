#include <cstdlib>

#include "collectors/base/text.h"
#include "collectors/kernel/sockstat.h"

using namespace socket_exporter;

// Whatever is accepted can be part of a metric name, and is found again.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto values = parse_sockstat({reinterpret_cast<const char*>(data), size});
  if (!values) return 0;
  for (const SockstatValue& v : *values) {
    if (!is_name(v.protocol) || !is_name(v.field)) std::abort();
    if (!find_sockstat(*values, v.protocol, v.field)) std::abort();
  }
  return 0;
}
