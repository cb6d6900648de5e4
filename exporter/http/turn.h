#pragma once

#include <atomic>

namespace socket_exporter {

/// One of the requests under way, for as long as it lives. Any thread.
class Turn {
 public:
  explicit Turn(std::atomic<unsigned>& running) : running_(running), number_(++running) {}
  ~Turn() { --running_; }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

  /// How many there were when it began, with itself.
  unsigned number() const { return number_; }

 private:
  std::atomic<unsigned>& running_;
  unsigned number_;
};

}  // namespace socket_exporter
