#pragma once

#include <memory>
#include <span>
#include <vector>

#include "collectors/base/result.h"
#include "collectors/kernel/bind_counts.h"

namespace socket_exporter {

/// Counts failing bind() of all network namespaces, and UDP connect() that finds no port, by eBPF
/// on the return of these system calls, as long as it lives. Nothing is pinned. One thread at a
/// time.
class BindTracker {
 public:
  /// `denied` without the privilege, `unavailable` without tracefs or in a build without eBPF.
  static Result<BindTracker> start();

  BindTracker(BindTracker&&) noexcept;
  BindTracker& operator=(BindTracker&&) noexcept;
  ~BindTracker();

  Result<std::vector<BindRecord>> read();

  /// As ConnectTracker::forget.
  std::vector<BindRecord> forget(std::span<const BindKey> idle);

 private:
  class Program;
  explicit BindTracker(std::unique_ptr<Program> program);

  std::unique_ptr<Program> program_;
};

}  // namespace socket_exporter
