#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "collectors/websocket_names.h"
#include "exporter/diagnosis/websocket_watch.h"
#include "exporter/diagnosis/words.h"

namespace socket_exporter {
namespace {

using Found = std::optional<WebsocketFinding>;

// Fewer may be chance.
constexpr std::uint64_t kSeveral = 3;
constexpr std::uint64_t kStorm = 10;

/// Seconds of silence after which proxies and load balancers close, and whose default it is.
struct IdleTimeout {
  std::uint32_t seconds;
  std::string_view whose;
};
constexpr IdleTimeout kIdleTimeouts[] = {
    {30, "HAProxy's and many a configured one"},
    {60, "nginx's proxy_read_timeout, and that of an AWS ALB"},
    {100, "Cloudflare's"},
    {240, "that of an Azure load balancer"},
    {300, "Envoy's stream_idle_timeout"},
    {350, "that of an AWS NLB"},
};

bool is_most(std::uint64_t part, std::uint64_t whole) {
  return part >= kSeveral && 2 * part >= whole;
}

std::string of(std::uint64_t part, std::uint64_t whole) {
  return fmt::format("{} of {} ({} %)", grouped(part), grouped(whole), whole_percent(part, whole));
}

// The bucket that such a time falls into.
std::uint64_t ended_after(const SeenWebsockets& server, std::uint32_t seconds) {
  const auto* const edge = std::find_if(std::begin(kLifetimeEdges), std::end(kLifetimeEdges),
                                        [&](std::uint32_t ms) { return ms > 1000 * seconds; });
  return server.counts.silence.buckets[edge - std::begin(kLifetimeEdges)];
}

std::uint64_t broken(const SeenWebsockets& s) {
  return s.closed_by(SX_ABNORMAL_RESET) + s.closed_by(SX_ABNORMAL_LOCAL) +
         s.closed_by(SX_ABNORMAL_FIN) + s.closed_by(SX_ABNORMAL_TIMEOUT);
}

// By the process here, whose heartbeat had no answer, or by the kernel: that is no proxy.
bool are_given_up(const SeenWebsockets& s) {
  return is_most(s.closed_by(SX_ABNORMAL_LOCAL) + s.closed_by(SX_ABNORMAL_TIMEOUT), s.closed());
}

Found find_idle_timeout(const SeenWebsockets& s) {
  const auto* const most =
      std::max_element(std::begin(kIdleTimeouts), std::end(kIdleTimeouts),
                       [&](const IdleTimeout& a, const IdleTimeout& b) {
                         return ended_after(s, a.seconds) < ended_after(s, b.seconds);
                       });
  const std::uint64_t closes = ended_after(s, most->seconds);
  if (!is_most(closes, s.closed()) || are_given_up(s)) return {};
  return WebsocketFinding{
      WebsocketCause::idle_timeout,
      Status::warning,
      fmt::format("{} connections that ended at {} did so after {} s of silence.",
                  of(closes, s.closed()), to_string(s), most->seconds),
      fmt::format("An idle timeout of {} s on the way, such as {}: it closes what is silent, {} of "
                  "them without a close frame.",
                  most->seconds, most->whose, grouped(std::min(closes, broken(s)))),
      {fmt::format("Send a ping every {} s or more often, from either end.", most->seconds / 2 - 5),
       "Or make the timeout longer where it is: proxy_read_timeout 3600s in nginx."}};
}

Found find_reset_storm(const SeenWebsockets& s) {
  const std::uint64_t breaks = broken(s);
  const std::uint64_t all = s.open() + s.closed();
  if (breaks < kStorm || !is_most(breaks, s.closed()) || 5 * breaks < all) return {};
  if (find_idle_timeout(s)) return {};
  return WebsocketFinding{
      WebsocketCause::reset_storm,
      Status::critical,
      fmt::format("{} connections at {} broke without a close frame.", of(breaks, all),
                  to_string(s)),
      fmt::format("{} were reset by the peer (a proxy or client that was killed or restarted), {} "
                  "by this host (its process was killed, or gave up those that did not answer), {} "
                  "ended by a FIN (a "
                  "proxy's reload), {} were not heard of any more (the network).",
                  grouped(s.closed_by(SX_ABNORMAL_RESET)), grouped(s.closed_by(SX_ABNORMAL_LOCAL)),
                  grouped(s.closed_by(SX_ABNORMAL_FIN)), grouped(s.closed_by(SX_ABNORMAL_TIMEOUT))),
      {"Look for what restarted, or was changed, in front of it; do not restart the server, which "
       "disconnects those that are left.",
       "Let clients reconnect with back-off and jitter, or all come back together."}};
}

Found find_handshakes(const SeenWebsockets& s) {
  const std::uint64_t refused = s.refused();
  const std::uint64_t all = refused + s.counts.opened;
  if (refused < kSeveral || 10 * refused < all) return {};
  const auto& errors = s.counts.errors;
  const auto most = static_cast<std::size_t>(
      std::max_element(std::begin(errors), std::end(errors)) - std::begin(errors));
  const bool is_client = most == SX_HTTP_4XX || most == SX_HTTP_OTHER;
  const bool is_server = most == SX_HTTP_5XX || most == SX_CONNECT_REFUSED;
  return WebsocketFinding{
      WebsocketCause::handshakes,
      Status::critical,
      fmt::format("{} handshakes at {} failed.", of(refused, all), to_string(s)),
      fmt::format("{} were answered with 4xx, {} with 5xx, {} with another status; {} had no "
                  "answer, {} no listener.",
                  grouped(errors[SX_HTTP_4XX]), grouped(errors[SX_HTTP_5XX]),
                  grouped(errors[SX_HTTP_OTHER]), grouped(errors[SX_INCOMPLETE]),
                  grouped(errors[SX_CONNECT_REFUSED])),
      {is_client
           ? "Look at the path, the Origin, cookies or tokens that the server refuses, and at "
             "a proxy that drops the Upgrade header."
       : is_server
           ? "The server behind the proxy is gone, or at its limit of connections: look at "
             "its log and at what is ready."
           : "Requests are not answered: look at the CPU and the accept queue of the server "
             "(socket_exporter report)."}};
}

Found find_slow_consumers(const SeenWebsockets& s) {
  const std::uint64_t sent_away = s.counts.closed[SX_POLICY_VIOLATION][SX_BY_SERVER] +
                                  s.counts.closed[SX_TRY_AGAIN_LATER][SX_BY_SERVER];
  const bool many_full = s.full > 0 && 10 * s.full >= s.open();
  if (!many_full && !is_most(sent_away, s.closed())) return {};
  return WebsocketFinding{
      WebsocketCause::slow_consumers,
      Status::warning,
      many_full
          ? fmt::format("{} with {} KiB that their clients do not read, at {}.",
                        counted(s.full, "connection"), grouped(s.waiting / 1024), to_string(s))
          : fmt::format("The server closed {} connections at {} as 1008 or 1013.",
                        of(sent_away, s.closed()), to_string(s)),
      "Clients read more slowly than the server writes, so buffers grow on both sides until one "
      "gives up.",
      {"Drop or merge what a client has not taken yet, and disconnect it beyond a limit "
       "(ws: bufferedAmount; Python websockets: write_limit).",
       "Send each client only what it asked for."}};
}

Found find_rollout(const SeenWebsockets& s) {
  const std::uint64_t sent_away = s.counts.closed[SX_GOING_AWAY][SX_BY_SERVER] +
                                  s.counts.closed[SX_SERVICE_RESTART][SX_BY_SERVER];
  if (!is_most(sent_away, s.closed())) return {};
  return WebsocketFinding{
      WebsocketCause::rollout,
      Status::warning,
      fmt::format("The server sent {} connections at {} away.", of(sent_away, s.closed()),
                  to_string(s)),
      "It closed them with 1001 or 1012: a rollout, a restart or a smaller number of replicas.",
      {"Nothing, if it is meant to be. Close a part of the connections each second, so that they "
       "do "
       "not come back all at once."}};
}

}  // namespace

std::string_view to_string(WebsocketCause cause) {
  constexpr std::string_view kNames[] = {"reset_storm", "handshakes", "idle_timeout",
                                         "slow_consumers", "rollout"};
  return kNames[static_cast<std::size_t>(cause)];
}

std::vector<WebsocketFinding> find_websocket_causes(const WebsocketWatch& watch) {
  std::vector<WebsocketFinding> findings;
  for (const SeenWebsockets& server : watch.servers) {
    for (auto* const find : {find_reset_storm, find_handshakes, find_idle_timeout,
                             find_slow_consumers, find_rollout}) {
      if (auto found = find(server)) findings.push_back(std::move(*found));
    }
  }
  std::stable_sort(findings.begin(), findings.end(), [](const auto& a, const auto& b) {
    return gravity(a.status) > gravity(b.status);
  });
  return findings;
}

}  // namespace socket_exporter
