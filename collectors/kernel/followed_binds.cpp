#include "collectors/kernel/followed_binds.h"

#include <utility>

#include "collectors/kernel/bind_plan.h"

namespace socket_exporter {

FollowedBinds::FollowedBinds(bool system_calls) {
  BindFacts facts{.wants_system_calls = system_calls};
  BindPlan plan = plan_binds(facts);
  while (plan.way && !tracker_) {
    auto started = BindTracker::start(*plan.way);
    if (started) {
      tracker_ = std::move(*started);
    } else {
      const bool by_functions = *plan.way == BindWay::functions;
      (by_functions ? facts.no_functions : facts.no_system_calls) = started.error();
      plan = plan_binds(facts);
    }
  }
  feature_ = {"bind_tracking", tracker_.has_value(), std::move(plan.reason)};
}

Result<BindCounts> FollowedBinds::read() {
  if (!tracker_) return Error{Error::Kind::unavailable, feature_.reason};
  auto counts = tracker_->read();
  if (!counts) return Error{Error::Kind::io, counts.error().what};
  return counts;
}

std::vector<BindRecord> FollowedBinds::forget(std::span<const BindKey> idle) {
  return tracker_ ? tracker_->forget(idle) : std::vector<BindRecord>{};
}

}  // namespace socket_exporter
