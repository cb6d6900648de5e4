#include <cstdlib>
#include <string_view>

#include "collectors/base/address.h"

using namespace socket_exporter;

// What was read is written such that it reads the same again.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto address = parse_address(text);
  if (address && parse_address(to_string(*address)) != address) std::abort();
  const auto cidr = parse_cidr(text);
  if (cidr && !cidr->contains(cidr->network)) std::abort();
  if (address && parse_cidr(text) != Cidr{*address, 128}) std::abort();
  return 0;
}
