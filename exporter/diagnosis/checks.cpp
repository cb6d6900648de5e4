#include "exporter/diagnosis/checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "collectors/kernel/process.h"
#include "exporter/diagnosis/port_check.h"
#include "exporter/diagnosis/words.h"

namespace socket_exporter {
namespace {

/// Fewer CLOSE_WAIT sockets than this are connections that are just being closed.
constexpr std::uint32_t kCloseWaitNoise = 50;

/// One of several limits that a check looks at.
struct Candidate {
  std::uint64_t part = 0;
  std::uint64_t whole = 0;
  std::string fact;
  std::string consequence;  ///< left out when all is well
};

// The limit that is nearest speaks for all; of equals the first.
CheckResult worst_of(const std::vector<Candidate>& candidates, const Levels& levels) {
  CheckResult result;
  result.status = Status::ok;
  const auto share = [](const Candidate& c) {
    return c.whole == 0 ? 1.0 : static_cast<double>(c.part) / static_cast<double>(c.whole);
  };
  const auto worst =
      std::max_element(candidates.begin(), candidates.end(),
                       [&](const Candidate& a, const Candidate& b) { return share(a) < share(b); });
  if (worst == candidates.end()) return result;
  result.status = judge(worst->part, worst->whole, levels);
  result.used_percent = whole_percent(worst->part, worst->whole);
  result.message = worst->fact + (result.status == Status::ok ? "" : worst->consequence) + ".";
  return result;
}

void add_limits(const SeenSockets& sockets, const SeenLimits& limits,
                std::vector<Candidate>& candidates) {
  if (limits.time_wait_limit) {
    const std::uint64_t time_wait = count_of(sockets.states, TcpState::time_wait);
    candidates.push_back(
        {time_wait, *limits.time_wait_limit,
         fmt::format("{} TIME_WAIT sockets that net.ipv4.tcp_max_tw_buckets allows",
                     out_of(time_wait, *limits.time_wait_limit)),
         "; beyond it they end at once, and late segments can hit new connections"});
  }
  if (limits.orphans && limits.orphans_limit) {
    candidates.push_back({*limits.orphans, *limits.orphans_limit,
                          fmt::format("{} orphaned sockets that net.ipv4.tcp_max_orphans allows",
                                      out_of(*limits.orphans, *limits.orphans_limit)),
                          "; beyond it connections are reset instead of closed"});
  }
}

CheckResult check_tcp_states(const Inspection& seen, const Levels& levels) {
  if (!seen.sockets) return unknown_result(seen.sockets.error());
  const SeenSockets& sockets = *seen.sockets;
  std::vector<Candidate> candidates;
  bool has_noise = false;
  for (const SeenCloseWait& leak : sockets.close_waits) {
    has_noise |= leak.close_wait < kCloseWaitNoise;
    if (leak.close_wait < kCloseWaitNoise) continue;
    candidates.push_back(
        {leak.close_wait, leak.connections,
         fmt::format("{} connections of {} are in CLOSE_WAIT",
                     out_of(leak.close_wait, leak.connections), to_string(leak.process)),
         ": their peers closed them, it did not"});
  }
  add_limits(sockets, seen.limits, candidates);
  CheckResult result = worst_of(candidates, levels);
  if (result.status == Status::ok) {
    result.message = fmt::format(
        "{} established, {} TIME_WAIT, {} CLOSE_WAIT sockets; {}no limit near.",
        grouped(count_of(sockets.states, TcpState::established)),
        grouped(count_of(sockets.states, TcpState::time_wait)),
        grouped(count_of(sockets.states, TcpState::close_wait)), has_noise ? "" : "no leak, ");
    if (has_noise) {
      result.message +=
          fmt::format(" Fewer than {} CLOSE_WAIT of a process are not judged.", kCloseWaitNoise);
    }
  }
  for (const TcpState state : {TcpState::established, TcpState::time_wait, TcpState::close_wait,
                               TcpState::syn_sent, TcpState::syn_recv}) {
    result.measures.push_back({to_string(state), count_of(sockets.states, state), {}});
  }
  return result;
}

CheckResult check_listen_queues(const Inspection& seen, const Levels& levels) {
  if (!seen.sockets) return unknown_result(seen.sockets.error());
  std::vector<Candidate> candidates;
  bool limits_unknown = false;
  for (const SeenListener& listener : seen.sockets->listeners) {
    limits_unknown |= listener.limit == kQueueLimitUnknown;
    if (listener.limit == kQueueLimitUnknown) continue;
    candidates.push_back(
        {listener.waiting, std::uint64_t{listener.limit} + 1,
         fmt::format("{} of {} is the fullest accept queue: {} wait, the limit is {}",
                     to_string(listener.address, listener.port), to_string(listener.process),
                     counted(listener.waiting, "connection"), grouped(listener.limit)),
         listener.is_full() ? "; it is full, new ones are dropped"
                            : "; beyond it new ones are dropped"});
  }
  if (candidates.empty() && limits_unknown) {
    return unknown_result({Error::Kind::unavailable,
                           "without netlink the kernel does not tell the limits "
                           "of accept queues"});
  }
  CheckResult result = worst_of(candidates, levels);
  if (candidates.empty()) result.message = "Nothing listens here.";
  const auto most = std::max_element(
      seen.sockets->listeners.begin(), seen.sockets->listeners.end(),
      [](const SeenListener& a, const SeenListener& b) { return a.waiting < b.waiting; });
  if (most != seen.sockets->listeners.end()) {
    result.measures.push_back({"longest_queue", most->waiting, {}});
  }
  if (seen.limits.listen_overflows) {
    result.measures.push_back({"overflows", *seen.limits.listen_overflows, {}});
  }
  return result;
}

CheckResult check_conntrack(const Inspection& seen, const Levels& levels) {
  CheckResult result;
  if (!seen.conntrack && seen.conntrack.error().kind == Error::Kind::unavailable) {
    result.status = Status::ok;
    result.message = "Connection tracking is not in use: nothing to run out of.";
    return result;
  }
  if (!seen.conntrack) return unknown_result(seen.conntrack.error());
  const SeenConntrack& table = *seen.conntrack;
  // The kernel's 0 is no limit.
  const std::uint64_t limit = table.limit;
  result.status = limit == 0 ? Status::ok : judge(table.entries, limit, levels);
  result.used_percent = limit == 0 ? 0 : whole_percent(table.entries, limit);
  result.measures = {{"entries", table.entries, limit}, {"dropped", table.dropped, {}}};
  result.message = fmt::format("{} connection-tracking entries are in use ({} %){}",
                               out_of(table.entries, limit), result.used_percent,
                               result.status == Status::ok
                                   ? "."
                                   : ": when the table is full the kernel drops packets of new "
                                     "connections (\"table full, dropping packet\").");
  return result;
}

// One of those may be at its limit.
void add_unreadable(std::uint64_t processes, CheckResult& result) {
  if (processes == 0) return;
  if (result.status == Status::ok) result.status = Status::unknown;
  result.message += fmt::format(
      " Not looked into, for lack of permission: {}; run it as root, or with CAP_SYS_PTRACE and "
      "CAP_DAC_READ_SEARCH.",
      processes == 1 ? "1 process" : grouped(processes) + " processes");
}

CheckResult check_file_descriptors(const Inspection& seen, const Levels& levels) {
  if (!seen.descriptors) return unknown_result(seen.descriptors.error());
  const SeenDescriptors& all = *seen.descriptors;
  std::vector<Candidate> candidates;
  if (!all.processes.empty()) {
    const SeenProcess& fullest = all.processes.front();
    if (fullest.fds_limit && *fullest.fds_limit != kUnlimited) {
      candidates.push_back(
          {fullest.open_fds, *fullest.fds_limit,
           fmt::format("{} has {} file descriptors open ({} %)", to_string(fullest),
                       out_of(fullest.open_fds, *fullest.fds_limit), fullest.fds_percent()),
           "; at the limit accept(), socket() and open() fail with EMFILE"});
    }
  }
  if (seen.is_own) {
    candidates.push_back(
        {all.open, all.limit,
         fmt::format("{} files are open on the whole host ({} %)", out_of(all.open, all.limit),
                     whole_percent(all.open, all.limit)),
         "; at the limit everything fails with ENFILE"});
  }
  CheckResult result = worst_of(candidates, levels);
  if (candidates.empty()) result.message = "No process with a limit is known here.";
  add_unreadable(all.unreadable, result);
  if (seen.is_own) result.measures.push_back({"host_open", all.open, {}});
  if (!all.processes.empty()) {
    const SeenProcess& fullest = all.processes.front();
    result.measures.push_back({"fullest_process_open", fullest.open_fds,
                               fullest.fds_limit == kUnlimited ? std::nullopt : fullest.fds_limit});
  }
  return result;
}

constexpr std::array<CheckInfo, 5> kChecks{{
    {"system-ports",
     "Ephemeral ports",
     "Ports of the ephemeral range in use: of the whole range, and by the fullest tuple of source, "
     "destination and destination port.",
     default_levels("system-ports"),
     {.sockets = true},
     check_system_ports},
    {"tcp-states",
     "TCP states",
     "CLOSE_WAIT sockets of the process that has most (from 50 on) of its connections; TIME_WAIT "
     "sockets and orphans of the kernel's limits.",
     default_levels("tcp-states"),
     {.sockets = true, .settings = true},
     check_tcp_states},
    {"listen-queues",
     "Listen queues",
     "Connections that wait for accept(), of the limit of the fullest listener.",
     default_levels("listen-queues"),
     {.sockets = true, .settings = true},
     check_listen_queues},
    {"conntrack",
     "Connection tracking",
     "Entries of the connection-tracking table, of its limit.",
     default_levels("conntrack"),
     {.conntrack = true},
     check_conntrack},
    {"file-descriptors",
     "File descriptors",
     "Open file descriptors of the fullest process, of its limit, and of the whole host.",
     default_levels("file-descriptors"),
     {.descriptors = true},
     check_file_descriptors},
}};

}  // namespace

std::string upper_case(Status status) {
  std::string text(to_string(status));
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

int gravity(Status status) {
  constexpr int kGravity[] = {0, 2, 3, 1};
  return kGravity[static_cast<std::size_t>(status)];
}

int CheckResult::fullest_percent() const {
  int fullest = used_percent;
  for (const Measure& measure : measures) {
    if (measure.limit) fullest = std::max(fullest, whole_percent(measure.value, *measure.limit));
  }
  return fullest;
}

Status judge(std::uint64_t part, std::uint64_t whole, const Levels& levels) {
  const double percent =
      whole == 0 ? 100 : static_cast<double>(part) * 100 / static_cast<double>(whole);
  if (percent >= levels.critical) return Status::critical;
  return percent >= levels.warning ? Status::warning : Status::ok;
}

CheckResult unknown_result(const Error& error) {
  CheckResult result;
  result.used_percent = 100;
  result.message = printable(fmt::format("Could not be read: {}.", error.what));
  return result;
}

std::span<const CheckInfo> all_checks() {
  return kChecks;
}

const CheckInfo* find_check(std::string_view name) {
  const auto found = std::find_if(kChecks.begin(), kChecks.end(),
                                  [&](const CheckInfo& check) { return check.name == name; });
  return found != kChecks.end() ? &*found : nullptr;
}

std::string check_path(const CheckInfo& check) {
  return fmt::format("/api/v1/checks/{}", check.name);
}

std::vector<CheckRun> perform_check(const CheckInfo& check, const Thresholds& chosen,
                                    Kernel& kernel, Snapshot& snapshot,
                                    std::span<const NetNs> namespaces) {
  std::vector<CheckRun> runs;
  for (Inspection& seen : inspect(kernel, snapshot, namespaces, check.needs)) {
    CheckRun run;
    run.check = &check;
    run.levels = levels_of(check.defaults, chosen);
    run.seen = std::move(seen);
    run.result = check.judge(run.seen, run.levels);
    if (namespaces.size() > 1 || !run.seen.is_own) {
      run.result.message = fmt::format("{}: {}", printable(run.seen.ns.name), run.result.message);
    }
    runs.push_back(std::move(run));
  }
  std::stable_sort(runs.begin(), runs.end(), [](const CheckRun& a, const CheckRun& b) {
    const auto rank = [](const CheckRun& run) {
      return std::pair(gravity(run.result.status), run.result.fullest_percent());
    };
    return rank(a) > rank(b);
  });
  return runs;
}

}  // namespace socket_exporter
