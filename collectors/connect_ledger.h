#pragma once

#include <array>
#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include "collectors/base/address.h"
#include "collectors/counter_ledger.h"
#include "collectors/kernel/connect_counts.h"
#include "collectors/kernel/kernel.h"
#include "collectors/netns_places.h"
#include "collectors/opener_ledger.h"

namespace socket_exporter {

/// What one series of the connect path stands for.
struct ConnectLabels {
  NetnsId netns;
  std::string pod_namespace;
  std::string pod;
  std::string container;
  std::string comm;  ///< printable
  ConnectDestination destination;
  auto operator<=>(const ConnectLabels&) const = default;
};

std::uint64_t hash_of(const ConnectKey& key);
std::uint64_t hash_of(const ConnectDestination& destination);

/// All times of a destination, one sx_connect_time after another.
using DestinationTimes =
    std::array<std::uint64_t, std::tuple_size_v<TimeCounters> * SX_CONNECT_TIMES>;

/// The part of them that is about one time.
TimeCounters part_of(const DestinationTimes& times, sx_connect_time time);

/// What outgoing connections came to, as series that never run backwards. Namespaces that are not
/// shown count under NetnsId{}. Each read is read(), forget() and choose(). Gather thread only.
class ConnectLedger {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Connects =
      CounterLedger<ConnectKey, ConnectLabels, NetnsId, std::tuple_size_v<ConnectCounters>>;
  using Times = CounterLedger<ConnectDestination, ConnectDestination, std::monostate,
                              std::tuple_size_v<DestinationTimes>>;
  using Searches = CounterLedger<NetnsId, NetnsId, NetnsId, std::tuple_size_v<TimeCounters>>;
  struct LeftOut {
    std::size_t series = 0;
    std::size_t destinations = 0;
  };

  ConnectLedger();

  /// `namespaces` are all of the host. Of a key `workload_of` is asked once, and the namespace's
  /// own workload is taken where it knows none.
  void read(const ConnectCounts& counts, std::span<const NetNs> namespaces,
            const WorkloadOf& workload_of, Time now);
  /// What the kernel had better forget, since its tables fill up.
  IdleConnects idle() const;
  /// It did, and these were the last counts and times of that.
  void forget(const ConnectCounts& last);
  /// Chooses at most 2 * `top` series and destinations to be shown.
  LeftOut choose(std::size_t top);

  const Connects& connects() const { return connects_; }
  const Times& times() const { return times_; }
  const Searches& searches() const { return searches_; }
  /// Of all, shown or not. Namespaces that are not shown are kOtherNetns.
  const OpenerLedger& openers() const { return openers_; }
  OpenerLedger& openers() { return openers_; }

 private:
  void add(const ConnectRecord& record, const WorkloadOf& workload_of);
  void add(const ConnectTimes& times);
  ConnectLabels labels_of(const ConnectRecord& record, const WorkloadOf& workload_of) const;
  void count_openers();

  Connects connects_;
  Times times_;
  Searches searches_;
  OpenerLedger openers_;
  Time now_{};
  std::size_t keys_ = 0;          ///< in the kernel's table
  std::size_t destinations_ = 0;  ///< the same of times
  NetnsPlaces namespaces_;
};

}  // namespace socket_exporter
