#include "collectors/kernel/netns_finder.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <tuple>

#include "collectors/kernel/netns_walk.h"

namespace socket_exporter {
namespace {

// The kernel's PROC_PID_INIT_INO: inode of the pid namespace in which eBPF numbers processes.
constexpr std::uint32_t kInitialPidNamespace = 0xEFFFFFFC;
constexpr std::uint32_t kLastOfHost = 2;  // init and kthreadd
constexpr std::chrono::seconds kLookApart{10};
// The first process of a container begins in the cgroup of its runtime, which may itself be in a
// container; and the logs of a pod may come later.
constexpr std::chrono::seconds kYoung{30};
// A namespace with more processes before the first one of a container is no container's.
constexpr std::size_t kMaxLooks = 32;

}  // namespace

NetnsFinder::NetnsFinder(std::string procfs_root, std::string run_netns, std::string pod_logs)
    : root_(std::move(procfs_root)),
      run_netns_(std::move(run_netns)),
      workloads_(root_, std::move(pod_logs)) {
  auto list = NetnsList::open();
  if (list) {
    list_ = std::move(*list);
  } else {
    no_list_ = list.error().what;
  }
  const auto pid_namespace = namespace_inode(root_ + "/self/ns/pid");
  if (!pid_namespace || *pid_namespace != kInitialPidNamespace) {
    no_tasks_ = root_ + " is not that of the host's first pid namespace";
    return;
  }
  auto tasks = NetnsTasks::open();
  if (tasks) {
    tasks_ = std::move(*tasks);
  } else {
    no_tasks_ = tasks.error().what;
  }
}

Feature NetnsFinder::feature() const {
  const std::string walked = fmt::format("reading {}/*/ns/net instead", root_);
  const std::string unreadable =
      unreadable_ == 0 ? "" : fmt::format("; {} processes may not be looked at", unreadable_);
  const bool has_tasks = no_tasks_.empty();
  if (!is_listed() && has_tasks) {
    return {"all_netns", false, no_list_ + "; finding those of processes by eBPF instead"};
  }
  if (!is_listed()) return {"all_netns", false, no_list_ + "; " + walked + unreadable};
  if (has_tasks) return {"all_netns", true, ""};
  return {"all_netns", true, no_tasks_ + "; " + walked + unreadable};
}

Result<std::vector<FoundNetns>> NetnsFinder::find() {
  const Time now = std::chrono::steady_clock::now();
  const auto own = namespace_inode(root_ + "/self/ns/net");
  if (!own) return own.error();
  auto found = list();
  if (!found) return found.error();
  std::optional<Pids> pids;
  if (!is_listed()) {
    auto looked = look(now);
    if (!looked) return looked.error();
    pids = std::move(*looked);
    run_netns_.refresh(false, now);
    *found = seen_in(*pids, *own);
  }
  const bool any_unnamed = recall(*found, now);
  if (is_listed()) run_netns_.refresh(any_unnamed, now);
  if (!pids && needs_pids(*found, now)) {
    auto looked = look(now);
    if (!looked) return looked.error();
    pids = std::move(*looked);
  }
  for (FoundNetns& ns : *found) {
    if (pids) update(ns.ns, (*pids)[ns.ns.inode], now);
    complete(ns, *own);
  }
  std::sort(found->begin(), found->end(), [&](const FoundNetns& a, const FoundNetns& b) {
    return std::tuple(a.ns.inode != *own, a.ns.cookie, a.ns.inode) <
           std::tuple(b.ns.inode != *own, b.ns.cookie, b.ns.inode);
  });
  make_names_unique(*found);
  return found;
}

// Nothing when eBPF fails, which may be for once.
Result<std::vector<FoundNetns>> NetnsFinder::list() {
  std::vector<FoundNetns> found;
  if (!list_) return found;
  auto records = list_->list();
  if (!records) {
    if (records.error().kind == Error::Kind::timeout) return records.error();
    no_list_ = records.error().what;
    return found;
  }
  no_list_.clear();
  for (NetnsRecord& record : *records) {
    FoundNetns ns{{record.inode, "", record.cookie}, 0, "", std::nullopt};
    ns.record = std::move(record);
    found.push_back(std::move(ns));
  }
  return found;
}

std::vector<FoundNetns> NetnsFinder::seen_in(const Pids& pids, std::uint32_t own) const {
  std::set<std::uint32_t> inodes{own};
  for (const auto& [inode, processes] : pids) inodes.insert(inode);
  for (const auto& [inode, file] : run_netns_.files()) inodes.insert(inode);
  std::vector<FoundNetns> found;
  found.reserve(inodes.size());
  for (const std::uint32_t inode : inodes) {
    const auto cookie = cookies_.find(inode);
    const bool is_known = cookie != cookies_.end();
    found.push_back({{inode, "", is_known ? cookie->second : 0}, 0, "", std::nullopt});
  }
  return found;
}

Result<NetnsFinder::Pids> NetnsFinder::look(Time now) {
  if (tasks_) {
    const auto tasks = tasks_->list();
    no_tasks_ = tasks ? "" : tasks.error().what;
    if (tasks) return by_netns(*tasks, now);
  }
  return walk(now);
}

Result<NetnsFinder::Pids> NetnsFinder::walk(Time now) {
  const auto walked = walk_netns(root_);
  if (!walked) return walked.error();
  unreadable_ = walked->unreadable;
  return by_netns(walked->tasks, now);
}

NetnsFinder::Pids NetnsFinder::by_netns(const std::vector<NetnsTask>& tasks, Time now) {
  looked_at_ = now;
  Pids pids;
  cookies_.clear();
  for (const NetnsTask& task : tasks) {
    pids[task.netns].push_back(task.pid);
    if (task.cookie != 0) cookies_[task.netns] = task.cookie;
  }
  for (auto& [inode, processes] : pids) std::sort(processes.begin(), processes.end());
  return pids;
}

NetnsFinder::Known& NetnsFinder::known(const NetNs& ns) {
  return known_[{ns.inode, ns.cookie}];
}

// Forgets what is gone. True when a namespace may have got a file since the directory was read.
bool NetnsFinder::recall(const std::vector<FoundNetns>& found, Time now) {
  bool any_unnamed = false;
  for (const FoundNetns& ns : found) {
    const auto [entry, is_new] = known_.try_emplace({ns.ns.inode, ns.ns.cookie}, Known{now, now});
    entry->second.last_seen = now;
    any_unnamed |= !run_netns_.files().contains(ns.ns.inode) && entry->second.workload.empty() &&
                   now - entry->second.first_seen < kYoung;
  }
  std::erase_if(known_, [&](const auto& entry) { return entry.second.last_seen != now; });
  return any_unnamed;
}

bool NetnsFinder::needs_pids(const std::vector<FoundNetns>& found, Time now) {
  const bool may_look_again = !looked_at_ || now - *looked_at_ >= kLookApart;
  return std::any_of(found.begin(), found.end(), [&](const FoundNetns& ns) {
    const Known& is = known(ns.ns);
    if (is.first_seen == now || (!is.settled && may_look_again)) return true;
    return is.pid != 0 && is_gone(ns.ns, is.pid, may_look_again);
  });
}

// `otherwise` when the process may not be looked at.
bool NetnsFinder::is_gone(const NetNs& ns, std::uint32_t pid, bool otherwise) const {
  const auto inode = namespace_inode(process_path(pid));
  if (inode) return *inode != ns.inode;
  return inode.error().kind != Error::Kind::denied || otherwise;
}

void NetnsFinder::update(const NetNs& ns, const std::vector<std::uint32_t>& pids, Time now) {
  Known& is = known(ns);
  if (!std::binary_search(pids.begin(), pids.end(), is.pid)) {
    // Without a cookie it may be another namespace that got the same inode.
    if (ns.cookie == 0 && is.pid != 0) is = {now, now};
    is.pid = pids.empty() ? 0 : pids.front();
    is.settled = false;
  }
  if (!is.settled && !pids.empty()) look_for_workload(pids, is, now);
}

void NetnsFinder::look_for_workload(const std::vector<std::uint32_t>& pids, Known& is, Time now) {
  // Containers that share the namespace of the first process or the kernel's threads are guests.
  if (pids.front() <= kLastOfHost) {
    is.workload = {};
    is.settled = true;
    return;
  }
  Workload best;
  for (std::size_t i = 0; i < std::min(pids.size(), kMaxLooks) && best.pod_uid.empty(); ++i) {
    const Workload& workload = workloads_.of(pids[i], 0);
    if (!workload.pod_uid.empty() || best.empty()) best = workload;
  }
  // A process of the host may have come in where those of the container have ended.
  if (!best.empty()) is.workload = std::move(best);
  const bool is_named = !is.workload.pod.empty() || is.workload.pod_uid.empty();
  is.settled = !is.workload.empty() && is_named && now - is.first_seen >= kYoung;
}

void NetnsFinder::complete(FoundNetns& found, std::uint32_t own) {
  NetNs& ns = found.ns;
  const Known& is = known(ns);
  const auto& files = run_netns_.files();
  const auto file = files.find(ns.inode);
  const bool has_file = file != files.end();
  found.pid = is.pid;
  if (ns.inode == own) {
    ns.name = "host";
    found.path = root_ + "/self/ns/net";
  } else {
    ns.name = netns_name(ns.inode, has_file ? file->second : "", is.workload);
    if (has_file) {
      found.path = run_netns_.path_of(file->second);
    } else if (is.pid != 0) {
      found.path = process_path(is.pid);
    }
  }
  ns.workload = is.workload;
  if (!ns.workload.pod_uid.empty()) ns.workload.container.clear();  // one of several
}

std::string NetnsFinder::process_path(std::uint32_t pid) const {
  return fmt::format("{}/{}/ns/net", root_, pid);
}

}  // namespace socket_exporter
