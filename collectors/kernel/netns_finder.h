#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "collectors/kernel/found_netns.h"
#include "collectors/kernel/netns_list.h"
#include "collectors/kernel/netns_tasks.h"
#include "collectors/kernel/run_netns.h"
#include "collectors/kernel/workloads.h"

namespace socket_exporter {

/// Finds the network namespaces of the host: all by eBPF, else those of processes and those with a
/// file in `run_netns`. Gather thread only; enters none.
class NetnsFinder {
 public:
  NetnsFinder(std::string procfs_root, std::string run_netns, std::string pod_logs);

  /// The exporter's own first, then oldest first (by cookie; by inode where there is none).
  Result<std::vector<FoundNetns>> find();

  Feature feature() const;

 private:
  using Time = std::chrono::steady_clock::time_point;
  /// Processes by inode of their namespace, in ascending order.
  using Pids = std::map<std::uint32_t, std::vector<std::uint32_t>>;
  /// What is remembered of a namespace.
  struct Known {
    Time first_seen;
    Time last_seen;
    std::uint32_t pid = 0;
    bool settled = false;  ///< no need to look for its workload again
    Workload workload{};
  };

  Result<std::vector<FoundNetns>> list();
  bool is_listed() const { return no_list_.empty(); }
  std::vector<FoundNetns> seen_in(const Pids& pids, std::uint32_t own) const;
  Result<Pids> look(Time now);
  Result<Pids> walk(Time now);
  Pids by_netns(const std::vector<NetnsTask>& tasks, Time now);
  Known& known(const NetNs& ns);
  bool recall(const std::vector<FoundNetns>& found, Time now);
  bool needs_pids(const std::vector<FoundNetns>& found, Time now);
  bool is_gone(const NetNs& ns, std::uint32_t pid, bool otherwise) const;
  void update(const NetNs& ns, const std::vector<std::uint32_t>& pids, Time now);
  void look_for_workload(const std::vector<std::uint32_t>& pids, Known& is, Time now);
  void complete(FoundNetns& found, std::uint32_t own);
  std::string process_path(std::uint32_t pid) const;

  std::string root_;
  RunNetns run_netns_;
  Workloads workloads_;
  std::optional<NetnsList> list_;
  std::optional<NetnsTasks> tasks_;
  std::string no_list_;   ///< why there is no `list_`, or what it said last instead of a list
  std::string no_tasks_;  ///< the same of `tasks_`
  std::uint64_t unreadable_ = 0;
  std::map<std::uint32_t, std::uint64_t> cookies_;  ///< by inode, as of the last look at `tasks_`
  std::optional<Time> looked_at_;                   ///< at the processes
  std::map<std::pair<std::uint32_t, std::uint64_t>, Known> known_;  ///< by inode and cookie
};

}  // namespace socket_exporter
