#pragma once

#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
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

  using WorkloadOfCgroup = std::function<Workload(std::uint64_t cgroup)>;

  /// `namespaces` are all of the host. Of a key `workload_of` is asked once, and the namespace's
  /// own workload is taken where it knows none.
  void read(std::span<const WebsocketRecord> records, std::span<const NetNs> namespaces,
            const WorkloadOfCgroup& workload_of, Time now);
  /// Keys without open connections that the kernel had better forget, since its table fills up.
  std::vector<WebsocketKey> idle() const;
  /// It did, and these were their last counts.
  void forget(std::span<const WebsocketRecord> last);
  /// Chooses at most 2 * `top` series to be shown. Returns how many are not.
  std::size_t choose(std::size_t top);

  const Websockets& websockets() const { return websockets_; }
  /// Connections that are open, of a series that is shown.
  std::int64_t active(const WebsocketLabels& labels) const;
  /// And of all that are not, by slot as in websockets().rest_of().
  std::int64_t active_of_rest(const NetnsId& slot) const;

 private:
  /// What is known of a key of the kernel.
  struct Known {
    WebsocketLabels labels;
    std::int64_t active = 0;
  };

  void add(const WebsocketRecord& record, const WorkloadOfCgroup& workload_of);
  void count_active();

  Websockets websockets_;
  Time now_{};
  std::map<WebsocketKey, Known> keys_;
  std::map<WebsocketLabels, std::int64_t> active_;  ///< as of the last choose()
  std::map<NetnsId, std::int64_t> active_of_rest_;
  NetnsPlaces namespaces_;
};

}  // namespace socket_exporter
