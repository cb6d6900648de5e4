#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "collectors/bpf/websocket_frames.h"
#include "tests/fuzz/websocket_model.h"

namespace {

/// The same stream in parts of these sizes, as they would be in packets.
Counted follow(Bytes stream, Bytes sizes, bool is_masked) {
  sx_frames frames{};
  sx_frames_seen seen{};
  Counted counted;
  std::size_t from = 0;
  for (std::size_t i = 0; from < stream.size() && !counted.is_broken; ++i) {
    const std::size_t size = sizes.empty() ? stream.size() : 1U + sizes[i % sizes.size()];
    const std::size_t to = std::min(stream.size(), from + size);
    while (const std::uint32_t wanted = sx_want_header(&frames, &seen, to)) {
      if (frames.next < from || frames.next + wanted > to) std::abort();
      std::memcpy(&frames.header[frames.held], &stream[frames.next], wanted);
      const sx_step step = sx_take_header(&frames, &seen, wanted, is_masked);
      counted.is_broken = step == SX_BROKEN;
      if (step != SX_GO_ON) break;
    }
    from = to;
  }
  std::copy_n(seen.messages, counted.messages.size(), counted.messages.begin());
  counted.bytes = seen.bytes;
  counted.close_code = seen.close_code;
  return counted;
}

}  // namespace

// The first byte says who sends, and how many of those behind it are sizes of parts.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const bool is_masked = data[0] % 2 == 1;
  const Bytes rest(data + 1, size - 1);
  const std::size_t parts = std::min<std::size_t>(data[0] / 2 % 16, rest.size());
  const Bytes stream = rest.subspan(parts);
  const Counted expected = Model(stream, is_masked).read();
  if (follow(stream, rest.first(parts), is_masked) != expected) std::abort();
  return 0;
}
