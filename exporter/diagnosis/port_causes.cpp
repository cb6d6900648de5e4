#include "exporter/diagnosis/port_causes.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "exporter/diagnosis/opening_words.h"
#include "exporter/diagnosis/words.h"

namespace socket_exporter {
namespace {

/// connect() tries the ports of one parity first. Once those are gone, at half of the range, a
/// search takes 100 to 1,000 times as long, so a tuple is worth a warning from there on.
constexpr double kSlowConnectPercent = 50;

/// A client that keeps its connections has next to no TIME_WAIT: when half of the ports are in
/// it, connections are opened and closed all the time.
constexpr int kChurnPercent = 50;

/// CLOSE_WAIT and SYN_SENT pass by themselves: a quarter of the ports is not passing.
constexpr int kStuckPercent = 25;

// TIME_WAIT sockets whose port the kernel would give to a new connection hold none.
PortHolders holders_of(const StateCounts& states, std::uint64_t ports) {
  const auto all = std::accumulate(states.begin(), states.end(), std::uint64_t{0});
  const std::uint64_t reusable = all > ports ? all - ports : 0;
  PortHolders holders;
  holders.ports = ports;
  holders.time_wait = count_of(states, TcpState::time_wait);
  holders.time_wait -= std::min(holders.time_wait, reusable);
  holders.closing = holders.time_wait;
  for (const TcpState state : {TcpState::fin_wait1, TcpState::fin_wait2, TcpState::closing}) {
    holders.closing += count_of(states, state);
  }
  holders.close_wait =
      std::uint64_t{count_of(states, TcpState::close_wait)} + count_of(states, TcpState::last_ack);
  holders.syn_sent = count_of(states, TcpState::syn_sent);
  holders.established = count_of(states, TcpState::established);
  return holders;
}

Cause cause_of(const PortHolders& holders) {
  if (whole_percent(holders.closing, holders.ports) >= kChurnPercent) return Cause::churn;
  if (whole_percent(holders.close_wait, holders.ports) >= kStuckPercent) {
    return Cause::close_wait_leak;
  }
  if (whole_percent(holders.syn_sent, holders.ports) >= kStuckPercent) {
    return Cause::unresponsive_peer;
  }
  return holders.closing > holders.established ? Cause::churn : Cause::pool_too_large;
}

Subject subject_of(const SeenHolder& holder) {
  if (!holder.process.is_known()) return {};
  return {"", to_string(holder.process), holder.process.pid};
}

bool is_loopback(const SeenTuple& tuple) {
  return tuple.key.source.is_loopback() || tuple.key.destination.is_loopback();
}

const SeenOpenings* openings_of(const Inspection& seen, const SeenTuple& tuple) {
  return seen.watch ? seen.watch->find(tuple.key.destination, tuple.key.destination_port) : nullptr;
}

// How many connect() found no port while that was watched.
std::uint64_t failures_of(const Inspection& seen, const SeenTuple& tuple) {
  const SeenOpenings* const openings = openings_of(seen, tuple);
  return openings != nullptr ? openings->counts.no_port() : 0;
}

// What TIME_WAIT comes to if that goes on.
std::string forecast(const Inspection& seen, const SeenOpenings& openings) {
  constexpr double kTimeWaitSeconds = 60;
  const double made = seen.watch->per_second(openings.counts.counters[SX_TIME_WAIT]);
  const auto ports = static_cast<std::uint64_t>(made * kTimeWaitSeconds);
  const std::uint32_t usable = seen.sockets->tcp_ports.usable;
  if (ports == 0 || usable == 0) return "";
  return fmt::format(" At this rate TIME_WAIT, 60 s each, needs {} ports, {} % of those usable.",
                     grouped(ports), grouped(ports * 100 / usable));
}

// Churn is about those who open connections: who holds some may well keep them.
void name_openers(const Inspection& seen, Cause cause, const SeenTuple& tuple, Subject& subject) {
  const SeenOpenings* const openings = openings_of(seen, tuple);
  if (openings == nullptr) {
    if (cause != Cause::churn || !seen.watch) return;
    subject.process.clear();
    subject.pid = 0;
    subject.opens =
        fmt::format("Nobody opened one in the {} that were watched.", time_text(seen.watch->time));
    return;
  }
  const ProcessName& opener = openings->openers.front().process;
  subject.opens = opening_sentence(*seen.watch, *openings);
  if (cause != Cause::churn) {
    if (subject.pid != 0 && subject.pid != opener.pid) {
      subject.opens = fmt::format("{} talks to it. {}", subject.process, subject.opens);
    }
    return;
  }
  subject.process = to_string(opener);
  subject.pid = opener.pid;
  subject.comm = opener.comm;
  if (!gives_ports_back(*seen.sockets, subject)) subject.opens += forecast(seen, *openings);
}

std::string consequence(std::uint64_t used, std::uint64_t usable, Status status) {
  if (used >= usable) return "new connections fail with EADDRNOTAVAIL";
  if (status == Status::critical) {
    return fmt::format("connect() fails with EADDRNOTAVAIL after {} more", grouped(usable - used));
  }
  return "connect() is slower from 50 % on, and fails at 100 %";
}

Levels early(const Levels& ports) {
  return {std::min(kSlowConnectPercent, ports.warning), ports.critical};
}

void add_tuple(const Inspection& seen, const SeenTuple& tuple, Status status,
               std::vector<Finding>& findings) {
  const SeenSockets& sockets = *seen.sockets;
  const auto used = tuple.use.ports_used;
  const auto usable = sockets.tcp_ports.usable;
  const PortHolders holders = holders_of(tuple.use.states, used);
  const Cause cause = cause_of(holders);
  Subject subject = subject_of(tuple);
  name_openers(seen, cause, tuple, subject);
  const std::uint64_t failures = failures_of(seen, tuple);
  findings.push_back(
      {cause, status,
       fmt::format("{} -> {}{} has {} of {} ports in use ({} %): {}.", to_string(tuple.key.source),
                   subject.peer, tuple.service.empty() ? "" : " (" + tuple.service + ")",
                   grouped(used), grouped(usable), sockets.used_percent(tuple.use),
                   failures == 0 ? consequence(used, usable, status)
                                 : rate(*seen.watch, failures) +
                                       " connect() a second fail with EADDRNOTAVAIL"),
       explain(cause, holders, subject), steps_for(cause, seen, subject)});
}

// Ports of bind() and listen() are lost to every destination.
void add_bound(const Inspection& seen, Status status, std::vector<Finding>& findings) {
  const SeenSockets& sockets = *seen.sockets;
  const std::uint64_t bound = sockets.bound_ports();
  const std::uint64_t left = sockets.tcp_ports.usable;
  const std::uint64_t listening = count_of(sockets.bound_states, TcpState::listen);
  const std::uint64_t only_bound = count_of(sockets.bound_states, TcpState::close);
  const std::uint64_t connected =
      std::accumulate(sockets.bound_states.begin(), sockets.bound_states.end(), std::uint64_t{0}) -
      listening - only_bound;
  const SeenHolder& holder = sockets.bound_holder;
  const Subject subject = subject_of(holder);
  findings.push_back(
      {Cause::ports_bound, status,
       fmt::format("{} of {} ephemeral ports are held by bind() or listen() ({} %): connect() {}.",
                   grouped(bound), grouped(sockets.unreserved_ports()),
                   whole_percent(bound, sockets.unreserved_ports()),
                   left == 0 ? "fails with EADDRNOTAVAIL, to any destination"
                             : fmt::format("has {} left for each destination, and fails with "
                                           "EADDRNOTAVAIL when those are in use",
                                           counted(left, "port"))),
       fmt::format("Ports bound, not connected: of the sockets that hold them {} listen, {} only "
                   "called bind(), {} called bind() before connect(). connect() takes such ports "
                   "to no destination.{}",
                   grouped(listening), grouped(only_bound), grouped(connected),
                   subject.process.empty() ? ""
                                           : fmt::format(" {} holds {}.", subject.process,
                                                         counted(holder.ports, "port"))),
       steps_for(Cause::ports_bound, seen, subject)});
}

// Of the whole range: no tuple is near its end.
void add_range(const Inspection& seen, Status status, std::vector<Finding>& findings) {
  const SeenSockets& sockets = *seen.sockets;
  const auto all =
      std::accumulate(sockets.range_states.begin(), sockets.range_states.end(), std::uint64_t{0});
  const PortHolders holders = holders_of(sockets.range_states, all - sockets.given_back);
  const Cause cause = cause_of(holders);
  Subject subject;
  subject.is_loopback = !sockets.tuples.empty() && is_loopback(sockets.tuples.front());
  findings.push_back({cause, status,
                      fmt::format("{} of {} ephemeral ports are in use ({} %), no tuple is full: "
                                  "bind(0) fails at 100 %, connect() later.",
                                  grouped(sockets.tcp_kept), grouped(sockets.unreserved_ports()),
                                  whole_percent(sockets.tcp_kept, sockets.unreserved_ports())),
                      explain(cause, holders, subject), steps_for(cause, seen, subject)});
}

// Ports in TIME_WAIT that connect() takes over: lost to bind(0) only.
void add_given_back(const Inspection& seen, std::vector<Finding>& findings) {
  const SeenSockets& sockets = *seen.sockets;
  findings.push_back(
      {Cause::churn,
       Status::warning,
       fmt::format("{} of {} ephemeral ports are in use ({} %), but {} of them give their port to "
                   "connect(): it works, only bind(0) fails at 100 %.",
                   grouped(sockets.tcp_ports.used), grouped(sockets.unreserved_ports()),
                   sockets.used_percent(), grouped(sockets.reusable_ports())),
       fmt::format("Connection churn: {} sockets in TIME_WAIT are over a second old, so that "
                   "tcp_tw_reuse={} lets connect() have their ports. bind(0) does not get them.",
                   grouped(sockets.given_back), seen.sysctl("net.ipv4.tcp_tw_reuse")),
       {"In what calls bind() with port 0 before connect(): setsockopt IP_BIND_ADDRESS_NO_PORT. "
        "Nothing else fails.",
        "Then reuse connections (keep-alive, a pool): that leaves no TIME_WAIT."}});
}

// The fullest, but one to which connect() fails comes first; null: there is none.
const SeenTuple* worst_tuple(const Inspection& seen, const Levels& levels) {
  const SeenSockets& sockets = *seen.sockets;
  const auto worst =
      std::find_if(sockets.tuples.begin(), sockets.tuples.end(), [&](const SeenTuple& tuple) {
        return failures_of(seen, tuple) > 0 &&
               judge(tuple.use.ports_used, sockets.tcp_ports.usable, early(levels)) != Status::ok;
      });
  if (worst != sockets.tuples.end()) return &*worst;
  return sockets.tuples.empty() ? nullptr : &sockets.tuples.front();
}

// One finding, of what takes most from connect().
void add_tcp_ports(const Inspection& seen, const Levels& levels, std::vector<Finding>& findings) {
  const SeenSockets& sockets = *seen.sockets;
  const std::uint32_t unreserved = sockets.unreserved_ports();
  const std::uint32_t bound = sockets.bound_ports();
  const SeenTuple* const worst = worst_tuple(seen, levels);
  const std::uint32_t tuple = worst != nullptr ? worst->use.ports_used : 0;
  Status tuple_status = Status::ok;
  if (worst != nullptr) tuple_status = judge(tuple, sockets.tcp_ports.usable, early(levels));
  if (tuple_status != Status::ok && failures_of(seen, *worst) > 0) tuple_status = Status::critical;
  const Status range_status = judge(sockets.tcp_kept, unreserved, early(levels));
  const Status worse = std::max(tuple_status, range_status);
  if (worse != Status::ok && bound > 0 && bound >= tuple && bound >= sockets.tcp_kept / 2) {
    add_bound(seen, worse, findings);
  } else if (tuple_status != Status::ok) {
    add_tuple(seen, *worst, tuple_status, findings);
  } else if (range_status != Status::ok) {
    add_range(seen, range_status, findings);
  } else if (judge(sockets.tcp_ports.used, unreserved, levels) != Status::ok) {
    add_given_back(seen, findings);
  }
}

void add_udp_ports(const Inspection& seen, const Levels& levels, std::vector<Finding>& findings) {
  const SeenSockets& sockets = *seen.sockets;
  const PortUse& ports = sockets.udp_ports;
  const Status status = judge(ports.used, ports.usable, levels);
  if (status == Status::ok || ports.used == 0) return;
  const Subject subject = subject_of(sockets.udp_holder);
  findings.push_back(
      {Cause::udp_ports, status,
       fmt::format("{} of {} ephemeral ports are in use by UDP ({} %): {}connect() and sendto() "
                   "of new sockets fail with EAGAIN, bind(0) with EADDRINUSE.",
                   grouped(ports.used), grouped(ports.usable), sockets.udp_percent(),
                   ports.used >= ports.usable ? "" : "at 100 % "),
       fmt::format(
           "UDP ports run out: unlike TCP, a UDP socket takes its port from every destination.{}",
           subject.process.empty() ? ""
                                   : fmt::format(" {} holds {} of them.", subject.process,
                                                 grouped(sockets.udp_holder.ports))),
       steps_for(Cause::udp_ports, seen, subject)});
}

}  // namespace

Subject subject_of(const SeenTuple& tuple) {
  return {to_string(tuple.key.destination, tuple.key.destination_port),
          tuple.process.is_known() ? to_string(tuple.process) : "",
          tuple.process.pid,
          is_loopback(tuple),
          tuple.process.comm,
          ""};
}

void add_port_causes(const Inspection& seen, const Levels& levels, std::vector<Finding>& findings) {
  add_tcp_ports(seen, levels, findings);
  add_udp_ports(seen, levels, findings);
}

}  // namespace socket_exporter
