#include "exporter/diagnosis/causes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "collectors/kernel/process.h"
#include "exporter/diagnosis/advice.h"
#include "exporter/diagnosis/port_causes.h"
#include "exporter/diagnosis/words.h"

namespace socket_exporter {
namespace {

/// CLOSE_WAIT lasts as long as a process needs to call close(), which is no time at all.
constexpr int kLeakPercent = 25;
constexpr std::uint32_t kLeakSockets = 50;

/// A client that opens 1,000 connections a second over 20 ms of network has 20 in SYN_SENT.
constexpr std::uint32_t kSilentSockets = 20;
constexpr int kSilentPercent = 50;  ///< of the connections that are open or being opened

Levels levels_for(std::string_view check, const CheckThresholds& chosen) {
  return levels_of(default_levels(check), thresholds_of(check, chosen));
}

void add_queues(const Inspection& seen, const Levels& levels, std::vector<Finding>& findings) {
  if (seen.sockets->listeners.empty()) return;
  const SeenListener& fullest = seen.sockets->listeners.front();
  if (fullest.limit == kQueueLimitUnknown) return;
  const Status status = judge(fullest.waiting, std::uint64_t{fullest.limit} + 1, levels);
  if (status == Status::ok) return;
  std::string explanation = fmt::format(
      "{} accept queue: {} accepts more slowly than connections come, or does not run at all.",
      fullest.is_full() ? "Full" : "Filling", to_string(fullest.process));
  if (seen.limits.listen_overflows && *seen.limits.listen_overflows > 0) {
    explanation += fmt::format(" All listeners overflowed {} times since boot.",
                               grouped(*seen.limits.listen_overflows));
  }
  const bool at_somaxconn = seen.sysctl("net.core.somaxconn") == std::to_string(fullest.limit);
  findings.push_back(
      {Cause::accept_queue_full,
       status,
       fmt::format("{} has {} waiting for accept(), its limit is {}: {}.",
                   to_string(fullest.address, fullest.port), counted(fullest.waiting, "connection"),
                   grouped(fullest.limit),
                   fullest.is_full() ? "new ones are dropped, clients time out"
                                     : "beyond it they are dropped"),
       std::move(explanation),
       {fullest.process.is_known()
            ? fmt::format(
                  "Look what it does: cat /proc/{}/stack, or a thread dump; blocked workers "
                  "do not accept.",
                  fullest.process.pid)
            : fmt::format("Who: ss -ltnp 'sport = :{}'", fullest.port),
        fmt::format("If it only needs room for bursts: a larger backlog in listen(){}.",
                    at_somaxconn ? ", after sysctl -w net.core.somaxconn=4096 or more" : "")},
       at_somaxconn || !fullest.process.is_known()});
}

void add_descriptors(const Inspection& seen, const Levels& levels, std::vector<Finding>& findings) {
  if (!seen.descriptors || seen.descriptors->processes.empty()) return;
  const SeenProcess& fullest = seen.descriptors->processes.front();
  if (!fullest.fds_limit || *fullest.fds_limit == kUnlimited) return;
  const Status status = judge(fullest.open_fds, *fullest.fds_limit, levels);
  if (status == Status::ok) return;
  findings.push_back(
      {Cause::descriptors,
       status,
       fmt::format("{} has {} file descriptors open: at the limit accept() and connect() fail with "
                   "EMFILE.",
                   to_string(fullest), share(fullest.open_fds, *fullest.fds_limit)),
       "File descriptors: each socket takes one, and so does each open file.",
       {fmt::format("Look: ls -l /proc/{}/fd | awk '{{print $NF}}' | sort | uniq -c | sort -rn | "
                    "head",
                    fullest.process.pid),
        fmt::format("For the moment: prlimit --pid {} --nofile={}; then LimitNOFILE= in its unit.",
                    fullest.process.pid, *fullest.fds_limit * 2)},
       false});
}

void add_conntrack(const Inspection& seen, const Levels& levels, std::vector<Finding>& findings) {
  if (!seen.conntrack || seen.conntrack->limit == 0) return;
  const SeenConntrack& table = *seen.conntrack;
  const Status status = judge(table.entries, table.limit, levels);
  if (status == Status::ok) return;
  findings.push_back(
      {Cause::conntrack,
       status,
       fmt::format("{} connection-tracking entries are in use: when the table is full, packets of "
                   "new connections are dropped.",
                   share(table.entries, table.limit)),
       fmt::format("Connection tracking: {} packets or entries were dropped since boot.",
                   grouped(table.dropped)),
       {fmt::format("For the moment: sysctl -w net.netfilter.nf_conntrack_max={}", table.limit * 2),
        "Then exempt what needs no tracking (NOTRACK), or shorten "
        "nf_conntrack_tcp_timeout_established."},
       false});
}

bool is_named(const std::vector<Finding>& findings, Cause cause) {
  return std::any_of(findings.begin(), findings.end(),
                     [&](const Finding& finding) { return finding.cause == cause; });
}

void add_leak(const Inspection& seen, std::vector<Finding>& findings) {
  if (is_named(findings, Cause::close_wait_leak)) return;
  for (const SeenCloseWait& leak : seen.sockets->close_waits) {
    if (leak.close_wait < kLeakSockets) continue;
    if (whole_percent(leak.close_wait, leak.connections) < kLeakPercent) continue;
    const Subject subject{to_string(leak.peer, leak.peer_port),
                          leak.process.is_known() ? to_string(leak.process) : "", leak.process.pid};
    findings.push_back(
        {Cause::close_wait_leak, Status::warning,
         fmt::format("{} holds {} connections in CLOSE_WAIT: sockets and descriptors that never "
                     "come back.",
                     to_string(leak.process), grouped(leak.close_wait)),
         fmt::format("CLOSE_WAIT leak: {} of its connections were closed by the peer, and not by "
                     "the process. Most {} {}.",
                     share(leak.close_wait, leak.connections),
                     leak.inbound ? "came in at" : "go to", subject.peer),
         steps_for(Cause::close_wait_leak, seen, subject)});
    return;
  }
}

void add_silent(const Inspection& seen, std::vector<Finding>& findings) {
  if (!seen.sockets->silent || is_named(findings, Cause::unresponsive_peer)) return;
  const SeenTuple& tuple = *seen.sockets->silent;
  const std::uint64_t waiting = count_of(tuple.use.states, TcpState::syn_sent);
  const std::uint64_t open = waiting + count_of(tuple.use.states, TcpState::established);
  if (waiting < kSilentSockets || whole_percent(waiting, open) < kSilentPercent) return;
  const Subject subject = subject_of(tuple);
  findings.push_back(
      {Cause::unresponsive_peer, Status::warning,
       fmt::format("{}{} does not answer: {} connections wait in SYN_SENT.", subject.peer,
                   tuple.service.empty() ? "" : " (" + tuple.service + ")", grouped(waiting)),
       fmt::format("Unresponsive peer: {} connections from {} to it have no answer to their SYN.{}",
                   share(waiting, open), to_string(tuple.key.source),
                   subject.process.empty() ? "" : " " + subject.process + " opens them."),
       steps_for(Cause::unresponsive_peer, seen, subject)});
}

// What stands between "nothing was found" and "there is nothing".
std::vector<std::string> not_judged(const Inspection& seen) {
  std::vector<std::string> parts;
  const auto& listeners = seen.sockets->listeners;
  if (std::any_of(listeners.begin(), listeners.end(),
                  [](const SeenListener& l) { return l.limit == kQueueLimitUnknown; })) {
    parts.emplace_back("accept queues (their limits are unknown)");
  }
  if (seen.owners_error) {
    parts.emplace_back("leaks and descriptors of processes (none could be read)");
  } else if (seen.unreadable_processes > 0) {
    parts.push_back(fmt::format("leaks and descriptors of {} {} that could not be read",
                                grouped(seen.unreadable_processes),
                                seen.unreadable_processes == 1 ? "process" : "processes"));
  } else if (!seen.descriptors) {
    parts.emplace_back("file descriptors (could not be read)");
  }
  if (!seen.conntrack && seen.conntrack.error().kind != Error::Kind::unavailable) {
    parts.emplace_back("connection tracking (could not be read)");
  }
  if (seen.sockets->left_out.any()) parts.emplace_back("sockets beyond full tables");
  return parts;
}

}  // namespace

std::string_view to_string(Cause cause) {
  constexpr std::array<std::string_view, 9> kNames{
      "churn",       "close_wait_leak", "pool_too_large", "unresponsive_peer", "accept_queue_full",
      "descriptors", "conntrack",       "udp_ports",      "ports_bound"};
  return kNames[static_cast<std::size_t>(cause)];
}

std::vector<Finding> find_causes(const Inspection& seen, const CheckThresholds& chosen) {
  std::vector<Finding> findings;
  if (seen.sockets) {
    add_port_causes(seen, levels_for("system-ports", chosen), findings);
    add_queues(seen, levels_for("listen-queues", chosen), findings);
    add_leak(seen, findings);
    add_silent(seen, findings);
  }
  add_descriptors(seen, levels_for("file-descriptors", chosen), findings);
  add_conntrack(seen, levels_for("conntrack", chosen), findings);
  std::stable_sort(findings.begin(), findings.end(),
                   [](const Finding& a, const Finding& b) { return a.status > b.status; });
  return findings;
}

std::string calm_headline(const Inspection& seen) {
  const SeenSockets& sockets = *seen.sockets;
  std::string text =
      fmt::format("{} of {} ephemeral ports are in use ({} %)", grouped(sockets.tcp_ports.used),
                  grouped(sockets.unreserved_ports()), sockets.used_percent());
  if (!sockets.tuples.empty()) {
    text +=
        fmt::format(", the fullest tuple has {} %", sockets.used_percent(sockets.tuples[0].use));
  }
  if (sockets.udp_matters()) text += fmt::format(", UDP has {} %", sockets.udp_percent());
  const auto missing = not_judged(seen);
  if (missing.empty()) return text + "; no queue is near its limit, nothing leaks.";
  return fmt::format(
      "{}; of what could be judged, nothing is near its limit or leaks. Not judged: {}.", text,
      fmt::join(missing, ", "));
}

}  // namespace socket_exporter
