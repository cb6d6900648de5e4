#include <cstdlib>

#include "collectors/kernel/openssl_files.h"

using namespace socket_exporter;

// Whatever is found is a path, with a range that is a word.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  for (const MappedFile& file : openssl_libraries({reinterpret_cast<const char*>(data), size})) {
    if (file.path.empty() || file.path.front() != '/') std::abort();
    if (file.range.empty() || file.range.find(' ') != std::string_view::npos) std::abort();
  }
  return 0;
}
