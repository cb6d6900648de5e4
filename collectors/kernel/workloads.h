#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "collectors/kernel/pod_logs.h"
#include "collectors/kernel/workload.h"

namespace socket_exporter {

/// Names the pod or container of processes by their cgroup. Gather thread only.
class Workloads {
 public:
  Workloads(std::string procfs_root, std::string pod_logs);

  /// Empty where the process has none, is gone or may not be read. `cgroup` is the id of its v2
  /// cgroup, 0 when unknown: then the file is read each time. Valid until the next call.
  const Workload& of(std::uint32_t pid, std::uint64_t cgroup);
  /// Empty where the path of a cgroup names none.
  Workload of_path(std::string_view cgroup);

 private:
  struct Known {
    Workload workload;
    PodLogs::Time read_at;
  };

  void name_pod(Workload& workload, PodLogs::Time now);

  std::string root_;
  PodLogs pod_logs_;
  std::unordered_map<std::uint64_t, Known> by_cgroup_;
  Workload other_;  ///< the last one that was read
};

}  // namespace socket_exporter
