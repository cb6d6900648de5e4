#pragma once

#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "collectors/counter_ledger.h"
#include "collectors/kernel/kernel.h"
#include "collectors/netns_places.h"

namespace socket_exporter {

/// What one series of WebSocket connections stands for.
struct WebsocketLabels {
  NetnsId netns;
  std::string pod_namespace;
  std::string pod;
  std::uint16_t port = 0;
  bool tls = false;
  bool is_client = false;  ///< the end that is on this host
  auto operator<=>(const WebsocketLabels&) const = default;
};

std::uint64_t hash_of(const WebsocketKey& key);

/// By their names, as the kernel counts them.
sx_websocket_counts named(const WebsocketCounters& counters);

/// What WebSocket connections came to, as series that never run backwards. Namespaces that are not
/// shown count under NetnsId{}. Each read is read(), forget() and choose(). Gather thread only.
class WebsocketLedger {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Websockets =
      CounterLedger<WebsocketKey, WebsocketLabels, NetnsId, std::tuple_size_v<WebsocketCounters>>;

  WebsocketLedger();

  /// What the kernel's counts do not tell of a key.
  struct Oracle {
    std::function<Workload(std::uint64_t cgroup)> workload_of;
    /// Nothing: not known yet, and the key waits until it is.
    std::function<std::optional<bool>(const WebsocketKey&)> is_client;
    /// Sockets that such a connection may have; nothing: not known.
    std::function<std::optional<std::uint64_t>(const WebsocketLabels&)> sockets_of;
  };

  /// `namespaces` are all of the host. Of a key's workload and end the oracle is asked once, and
  /// the namespace's own workload is taken where it knows none.
  void read(std::span<const WebsocketRecord> records, std::span<const NetNs> namespaces,
            const Oracle& oracle, Time now);
  /// Keys without open connections that the kernel had better forget, since its table fills up.
  std::vector<WebsocketKey> idle(const Oracle& oracle) const;
  /// It did, and these were their last counts.
  void forget(std::span<const WebsocketRecord> last);
  /// Chooses at most 2 * `top` series to be shown. Returns how many are not.
  std::size_t choose(std::size_t top, const Oracle& oracle);

  const Websockets& websockets() const { return websockets_; }
  /// Connections that are open, of a series that is shown: no more than there are sockets, since a
  /// close may have been missed.
  std::int64_t active(const WebsocketLabels& labels) const;
  /// And of all that are not, by slot as in websockets().rest_of().
  std::int64_t active_of_rest(const NetnsId& slot) const;

 private:
  /// What is known of a key of the kernel.
  struct Known {
    WebsocketLabels labels;
    std::int64_t active = 0;
  };

  void add(const WebsocketRecord& record, const Oracle& oracle);
  void count_active();
  void compare_active(const Oracle& oracle);

  Websockets websockets_;
  Time now_{};
  std::map<WebsocketKey, Known> keys_;
  std::map<WebsocketLabels, std::int64_t> active_;  ///< as of the last choose()
  std::map<NetnsId, std::int64_t> active_of_rest_;
  NetnsPlaces namespaces_;
};

}  // namespace socket_exporter
