#include "exporter/diagnosis/port_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "exporter/diagnosis/words.h"

namespace socket_exporter {
namespace {

// ", 60 by nginx (pid 42)"
std::string by_whom(const SeenHolder& holder) {
  if (!holder.process.is_known()) return "";
  return fmt::format(", {} by {}", grouped(holder.ports), to_string(holder.process));
}

std::string range_text(const SeenSockets& sockets) {
  const std::uint32_t reusable = sockets.reusable_ports();
  return fmt::format(
      "{} ephemeral TCP ports are in use ({} %){}",
      out_of(sockets.tcp_ports.used, sockets.unreserved_ports()), sockets.used_percent(),
      reusable == 0 ? ""
                    : fmt::format(", {} of them in TIME_WAIT that gives its port to connect()",
                                  grouped(reusable)));
}

std::string tuple_text(const SeenSockets& sockets, std::string_view separator) {
  const SeenTuple& fullest = sockets.tuples.front();
  return fmt::format("{} -> {}{}has {} TCP ports in use ({} %)", to_string(fullest.key.source),
                     to_string(fullest.key.destination, fullest.key.destination_port), separator,
                     out_of(fullest.use.ports_used, sockets.tcp_ports.usable),
                     sockets.used_percent(fullest.use));
}

std::string bound_text(const SeenSockets& sockets) {
  const std::uint32_t left = sockets.tcp_ports.usable;
  const std::uint64_t bound = sockets.bound_ports();
  return fmt::format(
      "{} ephemeral TCP ports are held by bind() or listen() ({} %){}: connect() takes them to no "
      "destination, and {}.",
      out_of(bound, sockets.unreserved_ports()), whole_percent(bound, sockets.unreserved_ports()),
      by_whom(sockets.bound_holder),
      left == 0 ? "fails with EADDRNOTAVAIL"
                : fmt::format("has {} left for each", counted(left, "port")));
}

/// How the TCP ports are, by what they are lost to.
struct TcpStatuses {
  Status tuple = Status::ok;  ///< to the fullest tuple, of those connect() may take
  Status bound = Status::ok;  ///< to bind() and listen()
  Status kept = Status::ok;   ///< to any socket that does not give its port back
  Status used = Status::ok;   ///< to any socket: this takes ports from bind(0) only
};

std::string tcp_message(const SeenSockets& sockets, const TcpStatuses& statuses) {
  const bool has_tuple = !sockets.tuples.empty();
  const std::uint64_t tuple_ports = has_tuple ? sockets.tuples.front().use.ports_used : 0;
  if (statuses.bound != Status::ok && sockets.bound_ports() >= tuple_ports &&
      sockets.bound_ports() > 0) {
    return bound_text(sockets);
  }
  if (statuses.tuple != Status::ok && statuses.tuple >= statuses.kept) {
    return fmt::format(
        "{}: connect() to it fails with EADDRNOTAVAIL when none is left; {} % of the whole range "
        "are in use.",
        tuple_text(sockets, " "), sockets.used_percent());
  }
  std::string text = range_text(sockets);
  if (statuses.kept != Status::ok) {
    text += has_tuple ? ": bind(0) fails with EADDRINUSE when none is left"
                      : ": bind(0) and connect() fail when none is left";
  } else if (statuses.used != Status::ok) {
    text += ": connect() works, only bind(0) fails when none is left";
  }
  return has_tuple ? fmt::format("{}; the fullest tuple, {}.", text, tuple_text(sockets, ", "))
                   : text + ".";
}

// The percentage shown is that of all ports, as the score. The status is that of what connect()
// cannot take, of all ports or in the fullest tuple, because a tuple can be full long before the
// range is; ports that are lost to bind(0) only are no more than a warning.
CheckResult judge_tcp(const SeenSockets& sockets, const Levels& levels) {
  const std::uint64_t unreserved = sockets.unreserved_ports();
  const std::uint64_t usable = sockets.tcp_ports.usable;
  CheckResult result;
  result.used_percent = sockets.used_percent();
  result.measures = {{"ports", sockets.tcp_ports.used, unreserved}};
  TcpStatuses statuses;
  statuses.bound = judge(sockets.bound_ports(), unreserved, levels);
  statuses.kept = judge(sockets.tcp_kept, unreserved, levels);
  statuses.used = judge(sockets.tcp_ports.used, unreserved, levels);
  if (!sockets.tuples.empty()) {
    const std::uint64_t ports = sockets.tuples.front().use.ports_used;
    statuses.tuple = judge(ports, usable, levels);
    result.measures.push_back({"fullest_tuple_ports", ports, usable});
  }
  result.status =
      std::max({statuses.tuple, statuses.kept, std::min(statuses.used, Status::warning)});
  result.message = tcp_message(sockets, statuses);
  return result;
}

// A UDP socket takes its port before it knows a destination, so from all of them.
CheckResult judge_udp(const SeenSockets& sockets, const Levels& levels) {
  const PortUse& ports = sockets.udp_ports;
  CheckResult result;
  result.protocol = Protocol::udp;
  result.status = judge(ports.used, ports.usable, levels);
  result.used_percent = sockets.udp_percent();
  result.measures = {{"ports", ports.used, ports.usable}};
  result.message = fmt::format(
      "{} ephemeral UDP ports are in use ({} %){}: sockets to all destinations share them, and "
      "connect(), sendto() and bind(0) fail when none is left.",
      out_of(ports.used, ports.usable), result.used_percent, by_whom(sockets.udp_holder));
  return result;
}

}  // namespace

// All is well: of TCP, which has far more to tell.
CheckResult check_system_ports(const Inspection& seen, const Levels& levels) {
  if (!seen.sockets) return unknown_result(seen.sockets.error());
  const SeenSockets& sockets = *seen.sockets;
  CheckResult tcp = judge_tcp(sockets, levels);
  CheckResult udp = judge_udp(sockets, levels);
  const auto rank = [](const CheckResult& result) {
    return std::pair(result.status, result.fullest_percent());
  };
  const bool is_udp = udp.status != Status::ok && rank(udp) > rank(tcp);
  CheckResult worse = is_udp ? std::move(udp) : std::move(tcp);
  if (is_udp) {
    worse.measures.push_back({"tcp_ports", sockets.tcp_ports.used, sockets.unreserved_ports()});
  } else {
    worse.measures.push_back({"udp_ports", sockets.udp_ports.used, sockets.udp_ports.usable});
  }
  return worse;
}

}  // namespace socket_exporter
