#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "collectors/bpf/websocket_frames.h"

using Bytes = std::span<const std::uint8_t>;

/// What the frames of one direction come to.
struct Counted {
  std::array<std::uint32_t, SX_MESSAGE_KINDS> messages{};
  std::uint64_t bytes = 0;
  std::uint32_t close_code = 0;
  bool is_broken = false;
  bool operator==(const Counted&) const = default;
};

/// Reads a whole stream at once, frame by frame as RFC 6455 draws it.
class Model {
 public:
  Model(Bytes stream, bool is_masked) : stream_(stream), is_masked_(is_masked) {}

  Counted read() {
    while (!counted_.is_broken && read_frame()) {
    }
    return counted_;
  }

 private:
  bool read_frame() {
    if (left() < 2) return false;
    const unsigned opcode = stream_[at_] % 16;
    const bool is_last = stream_[at_] >= 128;
    const unsigned reserved = stream_[at_] / 16 % 8;
    const unsigned length = stream_[at_ + 1] % 128;
    const bool is_control = opcode >= 8;
    const bool may_compress = opcode == 1 || opcode == 2;
    if ((stream_[at_ + 1] >= 128) != is_masked_) return fail();
    if (opcode != 0 && opcode != 1 && opcode != 2 && opcode != 8 && opcode != 9 && opcode != 10) {
      return fail();
    }
    if (reserved != 0 && !(reserved == 4 && may_compress)) return fail();
    if (is_control && (!is_last || length > 125 || (opcode == 8 && length == 1))) return fail();
    const std::size_t extra = length == 126 ? 2 : length == 127 ? 8 : 0;
    const std::size_t header = 2 + extra + (is_masked_ ? 4 : 0);
    if (left() < header + (opcode == 8 && length != 0 ? 2 : 0)) return false;
    std::uint64_t payload = length;
    if (extra != 0) payload = number(at_ + 2, extra);
    if (extra == 2 && payload < 126) return fail();
    if (extra == 8 && (payload < 65536 || payload >= std::uint64_t{1} << 62U)) return fail();
    if (opcode == 8 && counted_.close_code == 0) counted_.close_code = code(header, length);
    if (!fits(opcode)) return fail();
    if (left() - header < payload) return false;
    at_ += header + payload;
    count(opcode, is_last, payload);
    return true;
  }

  bool fits(unsigned opcode) const {
    if (opcode >= 8) return true;
    return (opcode == 0) == (under_way_ != 0);
  }

  void count(unsigned opcode, bool is_last, std::uint64_t payload) {
    if (opcode >= 8) {
      ++counted_.messages[opcode == 8 ? SX_CLOSE : opcode == 9 ? SX_PING : SX_PONG];
      return;
    }
    counted_.bytes += payload;
    if (opcode != 0) under_way_ = opcode;
    if (!is_last) return;
    ++counted_.messages[under_way_ == 1 ? SX_TEXT : SX_BINARY];
    under_way_ = 0;
  }

  std::uint32_t code(std::size_t header, unsigned length) const {
    if (length == 0) return 1005;
    std::uint32_t code = static_cast<std::uint32_t>(number(at_ + header, 2));
    if (is_masked_) code ^= static_cast<std::uint32_t>(number(at_ + header - 4, 2));
    return code;
  }

  std::uint64_t number(std::size_t at, std::size_t size) const {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < size; ++i) value = value * 256 + stream_[at + i];
    return value;
  }

  std::size_t left() const { return stream_.size() - at_; }
  bool fail() {
    counted_.is_broken = true;
    return false;
  }

  Bytes stream_;
  bool is_masked_;
  std::size_t at_ = 0;
  unsigned under_way_ = 0;
  Counted counted_;
};
