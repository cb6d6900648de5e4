#include "collectors/kernel/process.h"

using namespace socket_exporter;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)parse_process_stat(text);
  (void)parse_process_limits(text);
  (void)parse_boot_time(text);
  return 0;
}
