#include "exporter/diagnosis/advice.h"

#include <fmt/format.h>

#include <numeric>

#include "exporter/diagnosis/words.h"

namespace socket_exporter {
namespace {

std::string find_process(const Subject& subject) {
  if (subject.peer.empty()) return "ss -tnp shows which processes";
  return fmt::format("ss -tnp dst '{}' shows which process", subject.peer);
}

std::string relief(const Inspection& seen) {
  const std::string_view range = seen.sysctl("net.ipv4.ip_local_port_range");
  if (range.starts_with("1024 "))
    return "For the moment: restart the process; it gives its ports back.";
  return "For the moment: sysctl -w net.ipv4.ip_local_port_range='1024 65535' (first put the "
         "ports of services into ip_local_reserved_ports).";
}

/// What keeps connections open in the runtime that a process is named after.
struct KeepAlive {
  std::string_view comm;  ///< begins with it
  std::string_view how;
};
constexpr KeepAlive kKeepAlives[] = {
    {"dotnet",
     "IHttpClientFactory, or one HttpClient with SocketsHttpHandler."
     "PooledConnectionLifetime"},
    {"java", "one HttpClient or OkHttpClient, not one per request"},
    {"nginx", "keepalive in upstream {}, proxy_http_version 1.1, proxy_set_header Connection \"\""},
    {"node", "an http.Agent with keepAlive: true and maxSockets"},
    {"php", "persistent connections (pconnect, CURLSH), or a local proxy that has a pool"},
    {"python", "one requests.Session or httpx.Client, and a pool for databases"},
};

std::string_view keep_alive_of(std::string_view comm) {
  for (const KeepAlive& one : kKeepAlives) {
    if (comm.starts_with(one.comm)) return one.how;
  }
  return "IHttpClientFactory or one HttpClient, one http.Client whose bodies are read and closed, "
         "requests.Session, an http.Agent with keepAlive, keepalive in an nginx upstream, a pool";
}

std::vector<std::string> churn_steps(const Inspection& seen, const Subject& subject) {
  std::vector<std::string> steps;
  if (gives_ports_back(*seen.sockets, subject)) {
    steps.push_back(relief(seen));
  } else if (seen.sysctl("net.ipv4.tcp_tw_reuse") == "1") {
    steps.emplace_back(
        "For the moment: sysctl -w net.ipv4.tcp_timestamps=1; tcp_tw_reuse has no effect without.");
  } else {
    steps.emplace_back(
        "For the moment: sysctl -w net.ipv4.tcp_tw_reuse=1 (outgoing connections "
        "take ports over after 1 s; tcp_fin_timeout does not shorten TIME_WAIT).");
  }
  steps.push_back(
      fmt::format("Then reuse connections: one client with keep-alive for the whole process, not "
                  "a new one per request: {}.",
                  keep_alive_of(subject.comm)));
  if (subject.process.empty()) {
    steps.push_back(fmt::format("Who: {}, while a request runs.", find_process(subject)));
  }
  return steps;
}

std::vector<std::string> leak_steps(const Subject& subject) {
  std::vector<std::string> steps;
  steps.push_back(subject.pid == 0
                      ? "Who: ss -tnp state close-wait, as root."
                      : fmt::format("Look: ss -tnp state close-wait | grep pid={},", subject.pid));
  steps.emplace_back(
      "Close on EOF, and on every path, errors too: response bodies, sockets, connections that a "
      "pool gave out. Only the process itself can.");
  steps.emplace_back(
      subject.pid == 0
          ? "For the moment: restart that process; it gives its sockets back."
          : fmt::format("For the moment: restart {}; no sysctl helps.", subject.process));
  return steps;
}

std::vector<std::string> silent_steps(const Subject& subject) {
  return {fmt::format("Ask: nc -vz -w 3 {}; no answer means the host, a firewall, or the route.",
                      subject.peer.substr(0, subject.peer.rfind(':')) + " " +
                          subject.peer.substr(subject.peer.rfind(':') + 1)),
          "In the client: a connect timeout of seconds, a limit on attempts at the same time, and "
          "a circuit breaker. SYN_SENT lasts two minutes without."};
}

std::vector<std::string> pool_steps(const Inspection& seen, const Subject& subject) {
  return {"Cap the pool, and share one pool in a process: it has more connections than it can use.",
          "If all are busy: more addresses on either side, each pair has ports of its own; or "
          "HTTP/2, which carries many requests in one connection.",
          subject.process.empty() ? fmt::format("Who: {}.", find_process(subject)) : relief(seen)};
}

std::vector<std::string> bound_steps(const Inspection& seen, const Subject& subject) {
  const SeenSockets& sockets = *seen.sockets;
  const std::uint32_t listening = count_of(sockets.bound_states, TcpState::listen);
  const bool others =
      std::accumulate(sockets.bound_states.begin(), sockets.bound_states.end(), 0U) > listening;
  std::vector<std::string> steps;
  if (subject.process.empty()) {
    steps.emplace_back("Who: this report as root names the process that holds most.");
  }
  if (listening > 0) {
    steps.push_back(
        fmt::format("Listeners: give them ports outside {}-{}, or take theirs out of the range by "
                    "sysctl -w net.ipv4.ip_local_reserved_ports=...",
                    sockets.port_min, sockets.port_max));
  }
  if (others) {
    steps.emplace_back(
        "Sockets that bind() a source address before connect(): setsockopt "
        "IP_BIND_ADDRESS_NO_PORT, then connect() picks a port for each destination. Close those "
        "that stay bound and unused.");
  }
  steps.push_back(relief(seen));
  return steps;
}

std::vector<std::string> udp_steps(const Inspection& seen, const Subject& subject) {
  std::vector<std::string> steps;
  if (subject.process.empty()) {
    steps.emplace_back("Who: ss -uanp, as root, shows which process.");
  } else {
    steps.push_back(fmt::format("Look: ss -uanp | grep pid={},", subject.pid));
  }
  steps.emplace_back(
      "Share sockets: one UDP socket reaches any number of destinations by sendto(); close those "
      "that have their answer (DNS lookups, QUIC, statsd, syslog).");
  steps.push_back(relief(seen));
  return steps;
}

}  // namespace

std::string share(std::uint64_t part, std::uint64_t whole) {
  return fmt::format("{} of {} ({} %)", grouped(part), grouped(whole), whole_percent(part, whole));
}

bool gives_ports_back(const SeenSockets& sockets, const Subject& subject) {
  return sockets.reuse == PortSpace::Reuse::always ||
         (sockets.reuse == PortSpace::Reuse::loopback && subject.is_loopback);
}

std::string explain(Cause cause, const PortHolders& h, const Subject& subject) {
  const std::string who = !subject.opens.empty()     ? " " + subject.opens
                          : !subject.process.empty() ? " " + subject.process + " talks to it."
                                                     : "";
  switch (cause) {
    case Cause::churn:
      return fmt::format(
          "Connection churn: {} of its ports are held by TIME_WAIT, {} by established "
          "connections.{}{}",
          share(h.time_wait, h.ports), grouped(h.established),
          subject.opens.empty() ? " A connection is opened and closed for every request, and each "
                                  "keeps its port for 60 s afterwards."
                                : "",
          who);
    case Cause::close_wait_leak:
      return fmt::format(
          "CLOSE_WAIT leak: {} of its ports are held by connections that the peer has closed and "
          "the process has not.{}",
          share(h.close_wait, h.ports), who);
    case Cause::unresponsive_peer:
      return fmt::format(
          "Unresponsive peer: {} of its ports wait in SYN_SENT for an answer that does not come.{}",
          share(h.syn_sent, h.ports), who);
    default:
      return fmt::format(
          "Connection pool too large: {} of its ports are held by established connections, {} "
          "by TIME_WAIT. They are kept, not churned.{}",
          share(h.established, h.ports), grouped(h.time_wait), who);
  }
}

std::vector<std::string> steps_for(Cause cause, const Inspection& seen, const Subject& subject) {
  switch (cause) {
    case Cause::churn:
      return churn_steps(seen, subject);
    case Cause::close_wait_leak:
      return leak_steps(subject);
    case Cause::unresponsive_peer:
      return silent_steps(subject);
    case Cause::ports_bound:
      return bound_steps(seen, subject);
    case Cause::udp_ports:
      return udp_steps(seen, subject);
    default:
      return pool_steps(seen, subject);
  }
}

}  // namespace socket_exporter
