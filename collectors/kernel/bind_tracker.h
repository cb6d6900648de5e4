#pragma once

#include <memory>
#include <span>
#include <vector>

#include "collectors/base/result.h"
#include "collectors/kernel/bind_counts.h"

namespace socket_exporter {

/// Where eBPF sees them: as functions of the kernel return, which costs nothing elsewhere, or as
/// bind() and connect() do, which costs every system call of the host some 10 ns.
enum class BindWay { functions, system_calls };

/// Counts sockets of all network namespaces that get no local port, as long as it lives. Nothing is
/// pinned. One thread at a time.
class BindTracker {
 public:
  /// `denied` without the privilege, `unavailable` where the kernel has no fexit or no tracefs is
  /// mounted, and in a build without eBPF.
  static Result<BindTracker> start(BindWay way);

  BindTracker(BindTracker&&) noexcept;
  BindTracker& operator=(BindTracker&&) noexcept;
  ~BindTracker();

  Result<BindCounts> read();

  /// As ConnectTracker::forget.
  std::vector<BindRecord> forget(std::span<const BindKey> idle);

 private:
  class Program;
  explicit BindTracker(std::unique_ptr<Program> program);

  std::unique_ptr<Program> program_;
};

}  // namespace socket_exporter
