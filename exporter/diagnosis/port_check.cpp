#include "exporter/diagnosis/port_check.h"

#include <fmt/format.h>

#include <utility>

#include "exporter/diagnosis/words.h"

namespace socket_exporter {
namespace {

std::string out_of(std::uint64_t part, std::uint64_t whole) {
  return fmt::format("{} of {}", grouped(part), grouped(whole));
}

std::string tuple_name(const SeenTuple& tuple) {
  return fmt::format("{} -> {}", to_string(tuple.key.source),
                     to_string(tuple.key.destination, tuple.key.destination_port));
}

// The percentage shown is that of all ports, as the score; the status is that of the worse of
// all ports and the fullest tuple, because a tuple can be full long before the range is.
CheckResult judge_tcp(const SeenSockets& sockets, const Levels& levels) {
  const std::uint64_t unreserved = sockets.unreserved_ports();
  CheckResult result;
  result.status = judge(sockets.tcp_ports.used, unreserved, levels);
  result.used_percent = sockets.used_percent();
  result.measures = {{"ports", sockets.tcp_ports.used, unreserved}};
  const std::string all =
      fmt::format("{} ephemeral TCP ports are in use ({} %)",
                  out_of(sockets.tcp_ports.used, unreserved), result.used_percent);
  if (sockets.tuples.empty()) {
    result.message = result.status == Status::ok
                         ? all + "."
                         : all + ": bind(0) and connect() fail when none is left.";
    return result;
  }

  const SeenTuple& fullest = sockets.tuples.front();
  const std::uint64_t usable = sockets.tcp_ports.usable;
  const Status tuple_status = judge(fullest.use.ports_used, usable, levels);
  result.measures.push_back({"fullest_tuple_ports", fullest.use.ports_used, usable});
  const std::string share =
      fmt::format("has {} TCP ports in use ({} %)", out_of(fullest.use.ports_used, usable),
                  sockets.used_percent(fullest.use));
  const std::string name = tuple_name(fullest);
  if (tuple_status != Status::ok && tuple_status >= result.status) {
    result.status = tuple_status;
    result.message = fmt::format(
        "{} {}: connect() to it fails with EADDRNOTAVAIL when none is left; {} % of "
        "the whole range are in use.",
        name, share, result.used_percent);
  } else if (result.status != Status::ok) {
    result.message = fmt::format(
        "{}: bind(0) fails with EADDRINUSE when none is left; the fullest tuple, {}, {}.", all,
        name, share);
  } else {
    result.message = fmt::format("{}; the fullest tuple, {}, {}.", all, name, share);
  }
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
      out_of(ports.used, ports.usable), result.used_percent,
      sockets.udp_holder.process.is_known()
          ? fmt::format(", {} by {}", grouped(sockets.udp_holder.ports),
                        to_string(sockets.udp_holder.process))
          : "");
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
