#pragma once

#include <unistd.h>

#include <utility>

namespace socket_exporter {

/// A file descriptor and the duty to close it; -1 is none.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd() {
    if (fd_ >= 0) ::close(fd_);
  }

  explicit operator bool() const { return fd_ >= 0; }
  int number() const { return fd_; }

 private:
  int fd_ = -1;
};

}  // namespace socket_exporter
