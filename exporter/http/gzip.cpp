#include "exporter/http/gzip.h"

#include <libdeflate.h>

#include <algorithm>
#include <memory>
#include <new>

#include "exporter/http/negotiation.h"

namespace socket_exporter {
namespace {

// Leaves a twentieth of 20,000 series; higher levels take twice as long for little.
constexpr int kLevel = 1;

struct Free {
  void operator()(libdeflate_compressor* compressor) const {
    libdeflate_free_compressor(compressor);
  }
};

}  // namespace

std::string gzip(std::string_view bytes) {
  const std::unique_ptr<libdeflate_compressor, Free> compressor(
      libdeflate_alloc_compressor(kLevel));
  if (!compressor) throw std::bad_alloc();
  std::string packed(libdeflate_gzip_compress_bound(compressor.get(), bytes.size()), '\0');
  packed.resize(libdeflate_gzip_compress(compressor.get(), bytes.data(), bytes.size(),
                                         packed.data(), packed.size()));
  return packed;
}

void compress(const HttpRequest& request, HttpResponse& response) {
  const auto vary = std::find_if(response.headers.begin(), response.headers.end(),
                                 [](const auto& header) { return header.first == "Vary"; });
  if (vary == response.headers.end()) {
    response.headers.emplace_back("Vary", "Accept-Encoding");
  } else {
    vary->second += ", Accept-Encoding";
  }
  if (!accepts_gzip(request.header("Accept-Encoding"))) return;
  response.body = gzip(response.body);
  response.headers.emplace_back("Content-Encoding", "gzip");
}

}  // namespace socket_exporter
