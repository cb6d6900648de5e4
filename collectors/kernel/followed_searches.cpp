#include "collectors/kernel/followed_searches.h"

#include <utility>

namespace socket_exporter {

FollowedSearches::FollowedSearches() {
  auto started = SearchTracker::start();
  feature_ = {"port_search_tracking", static_cast<bool>(started), "by fexit"};
  if (started) {
    tracker_ = std::move(*started);
  } else {
    feature_.reason = started.error().what + "; timing searches in vain only";
  }
}

Result<> FollowedSearches::read_into(ConnectCounts& counts) {
  if (!tracker_) return {};
  auto all = tracker_->read();
  if (!all) return Error{Error::Kind::io, all.error().what};
  counts.searches = std::move(all->searches);
  counts.missed_searches = all->missed;
  return {};
}

}  // namespace socket_exporter
