#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "tests/fuzz/websocket_model.h"
#include "tests/fuzz/websocket_texts.h"

namespace {

constexpr std::string_view kRequest = "GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n";
constexpr std::string_view kGrant = "HTTP/1.1 101 X\r\nUpgrade: websocket\r\n\r\n";

/// Sizes of pieces, in turn.
class Sizes {
 public:
  explicit Sizes(Bytes sizes) : sizes_(sizes) {}
  std::size_t next() { return sizes_.empty() ? 1 << 20 : 1U + sizes_[at_++ % sizes_.size()]; }

 private:
  Bytes sizes_;
  std::size_t at_ = 0;
};

void take(Bytes text, Sizes& sizes, bool is_written) {
  while (!text.empty()) {
    const Bytes piece = text.first(std::min(text.size(), sizes.next()));
    take_text(piece.data(), piece.size(), is_written ? 1 : 0);
    text = text.subspan(piece.size());
  }
}

Bytes bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

void require(bool is_true) {
  if (!is_true) std::abort();
}

void compare(const Counted& expected, const texts_count& seen, sx_websocket_direction way) {
  for (std::size_t kind = 0; kind < SX_MESSAGE_KINDS; ++kind) {
    require(seen.counts.messages[way][kind] == expected.messages[kind]);
  }
  require(seen.counts.bytes[way] == expected.bytes);
}

// Both directions after a handshake: what is whole counts as the model says.
void follow(Bytes in, Bytes out, Sizes sizes, bool is_client) {
  begin_texts(is_client ? 1 : 0, 0);
  take(bytes_of(kRequest), sizes, is_client);
  take(bytes_of(kGrant), sizes, !is_client);
  require(count_texts().counts.opened == 1);
  take(out, sizes, !is_client);
  take(in, sizes, is_client);
  const texts_count seen = count_texts();
  const Counted expected_in = Model(in, true).read();
  const Counted expected_out = Model(out, false).read();
  require((seen.desynced != 0) == (expected_in.is_broken || expected_out.is_broken));
  if (seen.desynced != 0) return;  // frames that are found again are guesses
  compare(expected_in, seen, SX_IN);
  compare(expected_out, seen, SX_OUT);
  require(seen.close_code ==
          (expected_out.close_code != 0 ? expected_out.close_code : expected_in.close_code));
}

// From anywhere, in any order: nothing is read but what is there.
void guess(Bytes text, Sizes sizes, bool is_client) {
  begin_texts(is_client ? 1 : 0, 1);
  while (!text.empty()) {
    const Bytes piece = text.first(std::min(text.size(), sizes.next()));
    take_text(piece.data(), piece.size(), piece.front() / 64 % 2);
    text = text.subspan(piece.size());
  }
  const texts_count seen = count_texts();
  require(seen.counts.adopted + seen.counts.opened <= 1);
}

}  // namespace

// The first byte says whose end is here, whether it was found open, and how many of those behind it
// are sizes of pieces; half of the rest is one direction, half the other.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const bool is_client = data[0] % 2 == 1;
  const bool is_found = data[0] / 2 % 2 == 1;
  const Bytes rest(data + 1, size - 1);
  const std::size_t parts = std::min<std::size_t>(data[0] / 4 % 16, rest.size());
  const Sizes sizes(rest.first(parts));
  const Bytes text = rest.subspan(parts);
  const std::size_t half = text.size() / 2;
  if (is_found) {
    guess(text, sizes, is_client);
  } else {
    follow(text.first(half), text.subspan(half), sizes, is_client);
  }
  return 0;
}
