#pragma once

#include <unistd.h>

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <string>

#include "collectors/base/fd.h"

namespace socket_exporter {

/// Standard error goes into a pipe while this lives.
class CapturedStderr {
 public:
  CapturedStderr() {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    read_ = Fd(ends[0]);
    const Fd write(ends[1]);
    saved_ = Fd(::dup(STDERR_FILENO));
    REQUIRE(::dup2(write.number(), STDERR_FILENO) == STDERR_FILENO);
  }
  ~CapturedStderr() { restore(); }

  std::string text() {
    restore();
    std::array<char, 4096> buffer;
    const auto size = ::read(read_.number(), buffer.data(), buffer.size());
    return {buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
  }

 private:
  void restore() { ::dup2(saved_.number(), STDERR_FILENO); }

  Fd read_;
  Fd saved_;
};

}  // namespace socket_exporter
