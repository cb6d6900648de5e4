#include "exporter/http/gzip.h"

#include <zlib.h>

#include <catch2/catch.hpp>

namespace socket_exporter {
namespace {

// Every member of a gzip file, as "gzip -d" reads it.
std::string gunzip(std::string packed) {
  z_stream stream{};
  REQUIRE(inflateInit2(&stream, 15 + 16) == Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_in = static_cast<uInt>(packed.size());
  std::string all;
  int state = Z_OK;
  while (state == Z_OK) {
    std::string part(65536, '\0');
    stream.next_out = reinterpret_cast<Bytef*>(part.data());
    stream.avail_out = static_cast<uInt>(part.size());
    state = inflate(&stream, Z_NO_FLUSH);
    all += part.substr(0, part.size() - stream.avail_out);
  }
  inflateEnd(&stream);
  REQUIRE(state == Z_STREAM_END);
  REQUIRE(stream.avail_in == 0);
  return all;
}

}  // namespace

TEST_CASE("what gzip() packs comes out the same", "[http]") {
  std::string noise;
  for (unsigned i = 0; i < 300'000; ++i) noise += static_cast<char>((i * 2654435761U) >> 24U);
  const std::string text =
      GENERATE_COPY(std::string(), std::string("x"), std::string(5'000'000, 'x'), noise);
  CHECK(gunzip(gzip(text)) == text);
}

}  // namespace socket_exporter
