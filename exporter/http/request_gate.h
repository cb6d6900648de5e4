#pragma once

#include <condition_variable>
#include <mutex>

namespace socket_exporter {

/// Counts requests at work and lets close_and_wait() wait until there are none. Any thread.
class RequestGate {
 public:
  bool enter() {
    const std::lock_guard lock(mutex_);
    if (closed_) return false;
    ++inside_;
    return true;
  }
  void leave() {
    const std::lock_guard lock(mutex_);
    if (--inside_ == 0) empty_.notify_all();
  }
  bool is_closed() {
    const std::lock_guard lock(mutex_);
    return closed_;
  }
  void close_and_wait() {
    std::unique_lock lock(mutex_);
    closed_ = true;
    empty_.wait(lock, [this] { return inside_ == 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable empty_;
  bool closed_ = false;
  unsigned inside_ = 0;
};

}  // namespace socket_exporter
