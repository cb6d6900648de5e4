#pragma once

#include <chrono>
#include <optional>
#include <set>
#include <string>

#include "collectors/base/result.h"
#include "collectors/kernel/kernel.h"
#include "collectors/kernel/owners.h"
#include "collectors/kernel/process_walk.h"

namespace socket_exporter {

/// Whether an answer that took so much CPU time, so long ago, is too old for a scrape.
bool is_outdated(std::chrono::nanoseconds cost, std::chrono::nanoseconds age);

/// Finds the owners of sockets the cheapest way: by an eBPF walk, or through /proc/*/fd. Keeps the
/// last answer, for hosts where a walk is dear.
class OwnerScan {
 public:
  OwnerScan(std::string procfs_root, WorkloadOf workload_of);

  /// Whether the eBPF walk is used; `reason` says why not.
  const Feature& feature() const { return feature_; }
  bool counts() const { return walk_.has_value(); }

  /// As Kernel::scrape_owners.
  const Result<Owners>& for_scrape(const DestinationSet& wanted, Deadline deadline);
  /// As Kernel::socket_owners: new, and with all inodes.
  Result<Owners> with_inodes(Deadline deadline);

  /// What the kept answer says of these network namespaces.
  void forget(const std::set<std::uint32_t>& netns);

 private:
  Result<Owners> look(Inodes inodes, const DestinationSet& wanted, Deadline deadline);

  std::string root_;
  WorkloadOf workload_of_;
  Feature feature_{"process_walk", false, ""};
  std::optional<ProcessWalk> walk_;
  std::optional<Result<Owners>> last_;
  std::chrono::nanoseconds cost_{0};  ///< of `last_`, in CPU time
  Deadline looked_{};                 ///< when `last_` was made
};

}  // namespace socket_exporter
