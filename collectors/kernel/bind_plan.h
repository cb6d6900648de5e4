#pragma once

#include <optional>
#include <string>

#include "collectors/base/result.h"
#include "collectors/kernel/bind_tracker.h"

namespace socket_exporter {

/// What is known about this host, and wanted of it, so far.
struct BindFacts {
  bool wants_system_calls = false;         ///< in spite of what that costs
  std::optional<Error> no_functions{};     ///< once that was tried, and failed
  std::optional<Error> no_system_calls{};  ///< the same
};

/// How to follow binds; empty: not at all. `reason` is that of the feature bind_tracking.
struct BindPlan {
  std::optional<BindWay> way{};
  std::string reason{};
};

/// Pure. What to try next, in the light of what failed.
BindPlan plan_binds(const BindFacts& facts);

}  // namespace socket_exporter
