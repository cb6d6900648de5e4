#pragma once

#include <optional>
#include <span>
#include <vector>

#include "collectors/base/result.h"
#include "collectors/kernel/bind_tracker.h"
#include "collectors/kernel/kernel.h"

namespace socket_exporter {

/// Binds, followed in the best way that this host has, or not at all. One thread at a time.
class FollowedBinds {
 public:
  /// With `system_calls`, if need be at a cost of every system call of the host.
  explicit FollowedBinds(bool system_calls);

  const Feature& feature() const { return feature_; }
  /// `unavailable` where they are not followed.
  Result<BindCounts> read();
  /// As ConnectTracker::forget.
  std::vector<BindRecord> forget(std::span<const BindKey> idle);

 private:
  std::optional<BindTracker> tracker_;
  Feature feature_;
};

}  // namespace socket_exporter
