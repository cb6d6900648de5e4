#include "collectors/kernel/workloads.h"

#include <fmt/format.h>

#include <chrono>
#include <utility>

#include "collectors/kernel/cgroup_path.h"
#include "collectors/kernel/proc_file.h"

namespace socket_exporter {
namespace {

// Far more cgroups than hosts have at a time; ids are not used again, so old ones are in the way.
constexpr std::size_t kMaxCgroups = 16384;
// A process may have changed its cgroup, or be another one, between the look at its id and at its
// file: a mistake lives no longer than this.
constexpr std::chrono::seconds kTrust{10};

}  // namespace

Workloads::Workloads(std::string procfs_root, std::string pod_logs)
    : root_(std::move(procfs_root)), pod_logs_(std::move(pod_logs)) {}

const Workload& Workloads::of(std::uint32_t pid, std::uint64_t cgroup) {
  const auto now = std::chrono::steady_clock::now();
  const auto known = by_cgroup_.find(cgroup);
  if (known != by_cgroup_.end() && now - known->second.read_at < kTrust) {
    name_pod(known->second.workload, now);
    return known->second.workload;
  }
  other_ = {};
  const auto text = read_file(fmt::format("{}/{}/cgroup", root_, pid));
  if (!text) return other_;
  ProcessCgroup parsed = parse_process_cgroup(*text);
  other_.container = std::move(parsed.ids.container);
  other_.pod_uid = std::move(parsed.ids.pod_uid);
  name_pod(other_, now);
  if (cgroup == 0 || !parsed.same_in_v2) return other_;
  if (by_cgroup_.size() >= kMaxCgroups) by_cgroup_.clear();
  by_cgroup_[cgroup] = {other_, now};
  return other_;
}

Workload Workloads::of_path(std::string_view cgroup) {
  CgroupIds ids = parse_cgroup_path(cgroup);
  Workload workload;
  workload.container = std::move(ids.container);
  workload.pod_uid = std::move(ids.pod_uid);
  name_pod(workload, std::chrono::steady_clock::now());
  return workload;
}

// The kubelet makes the directory of the logs a little before or after the first process.
void Workloads::name_pod(Workload& workload, PodLogs::Time now) {
  if (workload.pod_uid.empty() || !workload.pod.empty()) return;
  const PodName* const name = pod_logs_.name_of(workload.pod_uid, now);
  if (name == nullptr) return;
  workload.pod_namespace = name->pod_namespace;
  workload.pod = name->pod;
}

}  // namespace socket_exporter
