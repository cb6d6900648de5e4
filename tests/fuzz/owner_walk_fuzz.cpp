#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "collectors/kernel/owner_walk.h"

using namespace socket_exporter;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view target(reinterpret_cast<const char*>(data), size);
  const auto inode = parse_socket_link(target);
  if (!inode) return 0;
  const std::string digits = std::to_string(*inode);  // a link may have zeros before them
  if (!target.starts_with("socket:[") || !target.ends_with(digits + "]")) std::abort();
  return 0;
}
