#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "exporter/http/listen_address.h"
#include "exporter/http/message.h"
#include "exporter/http/metrics_handler.h"
#include "exporter/http/negotiation.h"

using namespace socket_exporter;

// Everything that comes from a client's request or the listen address flag.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto request = parse_request("GET", text, text);
  if (request && text.find('%') == text.npos && request->path != text) std::abort();
  choose_format(text);
  accepts_gzip(text);
  const auto budget = scrape_budget(text);
  if (budget && (budget->count() < 0 || budget->count() > 300'000)) std::abort();
  const auto address = parse_listen_address(text);
  if (address && !parse_listen_address(to_string(*address))) std::abort();
  return 0;
}
