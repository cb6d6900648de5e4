#include <map>
#include <numeric>
#include <string>

#include "collectors/base/utf8.h"
#include "collectors/collector.h"
#include "collectors/kernel/process.h"
#include "collectors/socket_owners.h"

namespace socket_exporter {
namespace {

constexpr Metric kSockets{
    Type::Gauge,
    "socket_process_sockets",
    "TCP and UDP sockets that processes hold, by state. Processes with the same labels are one "
    "series; those with the most sockets are shown, the rest is comm=\"other\". A socket that "
    "several processes share counts in the one with the lowest pid; one without a process in none. "
    "TIME_WAIT has no process: outgoing ones count where their connections were opened in the last "
    "minute, by the parts that processes have of each destination; without the feature "
    "connect_tracking that state is missing. netns is the socket's. Without the feature "
    "process_walk, sockets that never had a port are missing. Up to a minute old where looking at "
    "all descriptors takes over 10 ms.",
    "netns",
    "namespace",
    "pod",
    "container",
    "comm",
    "state"};
constexpr Metric kOpenFds{
    Type::Gauge,
    "socket_process_open_fds",
    "Open file descriptors of one process: of those with these labels, the one that is fullest "
    "relative to its limit. At the limit socket() and accept() fail with EMFILE. Shown for the "
    "processes of socket_process_sockets; netns is the process's.",
    "netns",
    "namespace",
    "pod",
    "container",
    "comm"};
constexpr Metric kFdsLimit{Type::Gauge,
                           "socket_process_fds_limit",
                           "Soft limit (RLIMIT_NOFILE) of that same process; absent when it has "
                           "none.",
                           "netns",
                           "namespace",
                           "pod",
                           "container",
                           "comm"};
constexpr MetricInfo kMetrics[] = {kSockets, kOpenFds, kFdsLimit};

// The states of a socket that a process may hold.
constexpr TcpState kStates[] = {TcpState::established, TcpState::syn_sent,  TcpState::syn_recv,
                                TcpState::fin_wait1,   TcpState::fin_wait2, TcpState::close,
                                TcpState::close_wait,  TcpState::last_ack,  TcpState::listen,
                                TcpState::closing};

/// Also what a process may call itself: it counts as the rest then.
constexpr std::string_view kOther = "other";

/// From here on a process without sockets is shown too.
constexpr double kFilling = 0.5;

void add(HeldSockets& to, const HeldSockets& from) {
  for (std::size_t state = 0; state < kTcpStates; ++state) to.tcp[state] += from.tcp[state];
  to.udp += from.udp;
}

std::uint64_t sum(const HeldSockets& sockets) {
  return std::accumulate(sockets.tcp.begin(), sockets.tcp.end(), std::uint64_t{sockets.udp});
}

double fullness(const Process& process) {
  if (!process.fds_limit || *process.fds_limit == kUnlimited) return 0;
  if (*process.fds_limit == 0) return 1;
  return static_cast<double>(process.open_fds) / static_cast<double>(*process.fds_limit);
}

bool is_fuller(const Process& a, const Process& b) {
  return std::pair(fullness(a), a.open_fds) > std::pair(fullness(b), b.open_fds);
}

/// Processes that one series stands for.
struct Group {
  HeldSockets sockets;
  const Process* fullest = nullptr;  ///< null: processes of other namespaces hold the sockets
};

class Processes final : public Collector {
 public:
  Result<> prepare(Snapshot& snapshot) override {
    sockets_.prepare(snapshot);
    time_wait_.prepare(snapshot);
    return {};
  }

  void see(std::span<const Socket> sockets) override {
    sockets_.see(sockets);
    time_wait_.see(sockets);
  }

  Result<> emit(Snapshot& snapshot, Families& out) override {
    const auto& owners = snapshot.owners();
    if (!owners) return owners.error();
    group(snapshot, *owners);
    for (const NetNs& ns : snapshot.namespaces()) other_[ns.name];
    auto ranked = candidates();
    History& history = snapshot.history();
    const std::size_t shown =
        history.processes.choose(ranked, snapshot.options().top_processes, snapshot.started());

    for (std::size_t i = 0; i < ranked.size(); ++i) {
      const ProcessKey& key = ranked[i].key;
      if (i < shown) {
        emit_sockets(out, key, groups_.at(key).sockets);
      } else {
        add(other_[key.netns], groups_.at(key).sockets);
      }
    }
    for (const auto& [netns, sockets] : other_) {
      emit_sockets(out, {netns, "", "", "", std::string(kOther)}, sockets);
    }
    for (std::size_t i = 0; i < shown; ++i) emit_descriptors(out, ranked[i].key);
    history.overflow[kSockets.name] += ranked.size() - shown;
    return {};
  }

 private:
  void group(Snapshot& snapshot, const Owners& owners) {
    const auto& processes = owners.processes();
    for (const auto& [holder, sockets] : sockets_.held(owners)) {
      add(groups_[key_of(snapshot, processes[holder.process], holder.netns)].sockets, sockets);
    }
    if (time_wait_.is_shared_out()) group_time_wait(snapshot);
    for (const Process& process : processes) {
      Group& group = groups_[key_of(snapshot, process, process.netns)];
      if (group.fullest == nullptr || is_fuller(process, *group.fullest)) group.fullest = &process;
    }
  }

  void group_time_wait(const Snapshot& snapshot) {
    time_wait_.share_out([&](std::uint32_t netns, const Opener& o, std::uint32_t sockets) {
      Group& group = groups_[{std::string(snapshot.name_of(netns)), o.pod_namespace, o.pod,
                              o.container, o.comm}];
      group.sockets.tcp[static_cast<std::size_t>(TcpState::time_wait)] += sockets;
    });
  }

  static ProcessKey key_of(const Snapshot& snapshot, const Process& process, std::uint32_t netns) {
    const Workload& workload = process.workload;
    return {std::string(snapshot.name_of(netns)), workload.pod_namespace, workload.pod,
            workload.container, printable_label(process.comm)};
  }

  // Most processes of a host have no socket, and plenty of descriptors left.
  std::vector<StickyTop<ProcessKey>::Candidate> candidates() {
    std::vector<StickyTop<ProcessKey>::Candidate> found;
    for (const auto& [key, group] : groups_) {
      if (key.comm == kOther) {
        add(other_[key.netns], group.sockets);
        continue;
      }
      const std::uint64_t sockets = sum(group.sockets);
      const bool is_filling = group.fullest != nullptr && fullness(*group.fullest) >= kFilling;
      if (sockets > 0 || is_filling) found.push_back({key, sockets});
    }
    return found;
  }

  void emit_sockets(Families& out, const ProcessKey& key, const HeldSockets& sockets) const {
    const auto emit = [&](std::uint32_t count, std::string_view state) {
      out.add(kSockets, count, key.netns, key.pod_namespace, key.pod, key.container, key.comm,
              state);
    };
    for (const TcpState state : kStates) {
      emit(sockets.tcp[static_cast<std::size_t>(state)], to_string(state));
    }
    if (time_wait_.is_shared_out()) {
      emit(sockets.tcp[static_cast<std::size_t>(TcpState::time_wait)], "time_wait");
    }
    emit(sockets.udp, "udp");
  }

  void emit_descriptors(Families& out, const ProcessKey& key) const {
    const Process* const process = groups_.at(key).fullest;
    if (process == nullptr) return;
    out.add(kOpenFds, process->open_fds, key.netns, key.pod_namespace, key.pod, key.container,
            key.comm);
    if (!process->fds_limit || *process->fds_limit == kUnlimited) return;
    out.add(kFdsLimit, *process->fds_limit, key.netns, key.pod_namespace, key.pod, key.container,
            key.comm);
  }

  ProcessSockets sockets_;
  TimeWaitSockets time_wait_;
  std::map<ProcessKey, Group> groups_;
  std::map<std::string, HeldSockets> other_;  ///< by name of the namespace
};

}  // namespace

extern const CollectorEntry kProcessesEntry{
    .name = "processes",
    .summary = "Sockets by process, and how close processes are to their limit of descriptors",
    .on_by_default = true,
    .needs_sockets = true,
    .needs_bound_sockets = true,
    .metrics = kMetrics,
    .make = [] { return std::unique_ptr<Collector>(new Processes); },
};

}  // namespace socket_exporter
