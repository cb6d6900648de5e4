#include <string_view>

#include "exporter/config/config_file.h"

extern "C" int LLVMFuzzerTestOneInput(const char* data, std::size_t size) {
  static_cast<void>(socket_exporter::parse_config({data, size}, "fuzz.yml"));
  return 0;
}
