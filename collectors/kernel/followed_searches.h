#pragma once

#include <optional>

#include "collectors/base/result.h"
#include "collectors/kernel/kernel.h"
#include "collectors/kernel/search_tracker.h"

namespace socket_exporter {

/// Searches for a local port, where this host lets all of them be timed. One thread at a time.
class FollowedSearches {
 public:
  FollowedSearches();

  const Feature& feature() const { return feature_; }
  /// Where they are timed, instead of the searches in vain that `counts` has.
  Result<> read_into(ConnectCounts& counts);

 private:
  std::optional<SearchTracker> tracker_;
  Feature feature_;
};

}  // namespace socket_exporter
