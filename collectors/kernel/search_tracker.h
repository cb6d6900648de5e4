#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "collectors/base/result.h"
#include "collectors/kernel/connect_counts.h"

namespace socket_exporter {

/// Searches of connect() for a local port, of all namespaces.
struct SearchCounts {
  std::vector<PortSearches> searches{};
  std::uint64_t missed = 0;  ///< searches that were not timed
};

/// Times these, whatever they find, by eBPF on the function that searches, as long as it lives.
/// Nothing is pinned. One thread at a time.
class SearchTracker {
 public:
  /// `denied` without the privilege or on a host that grants it to nobody, `unavailable` where the
  /// kernel has no fexit and in a build without eBPF.
  static Result<SearchTracker> start();

  SearchTracker(SearchTracker&&) noexcept;
  SearchTracker& operator=(SearchTracker&&) noexcept;
  ~SearchTracker();

  Result<SearchCounts> read();

 private:
  class Program;
  explicit SearchTracker(std::unique_ptr<Program> program);

  std::unique_ptr<Program> program_;
};

}  // namespace socket_exporter
