#include "collectors/kernel/search_tracker.h"

namespace socket_exporter {

// A build without SOCKET_EXPORTER_BPF: nothing can be started.
class SearchTracker::Program {};

SearchTracker::SearchTracker(std::unique_ptr<Program> program) : program_(std::move(program)) {}
SearchTracker::SearchTracker(SearchTracker&&) noexcept = default;
SearchTracker& SearchTracker::operator=(SearchTracker&&) noexcept = default;
SearchTracker::~SearchTracker() = default;

Result<SearchTracker> SearchTracker::start() {
  return Error{Error::Kind::unavailable, "built without eBPF"};
}

Result<SearchCounts> SearchTracker::read() {
  return Error{Error::Kind::unavailable, "built without eBPF"};
}

}  // namespace socket_exporter
