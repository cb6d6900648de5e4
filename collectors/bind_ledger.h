#pragma once

#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "collectors/counter_ledger.h"
#include "collectors/kernel/bind_counts.h"
#include "collectors/kernel/kernel.h"
#include "collectors/netns_places.h"

namespace socket_exporter {

/// What one series of failing bind() stands for.
struct BindLabels {
  NetnsId netns;
  std::string comm;  ///< printable
  Protocol protocol = Protocol::tcp;
  auto operator<=>(const BindLabels&) const = default;
};

std::uint64_t hash_of(const BindKey& key);

/// Sockets that got no local port, as series that never run backwards. Namespaces that are not
/// shown count under NetnsId{}. Each read is read(), forget() and choose(). Gather thread only.
class BindLedger {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Binds = CounterLedger<BindKey, BindLabels, NetnsId, SX_BIND_REASONS>;

  BindLedger();

  /// `namespaces` are all of the host.
  void read(std::span<const BindRecord> records, std::span<const NetNs> namespaces, Time now);
  /// Keys that the kernel had better forget, since its table fills up.
  std::vector<BindKey> idle() const;
  /// It did, and these were their last counts.
  void forget(std::span<const BindRecord> last);
  /// Chooses at most 2 * `top` series to be shown. Returns how many are not.
  std::size_t choose(std::size_t top);

  const Binds& binds() const { return binds_; }

 private:
  void add(const BindRecord& record);

  Binds binds_;
  Time now_{};
  std::size_t keys_ = 0;  ///< in the kernel's table
  NetnsPlaces namespaces_;
};

}  // namespace socket_exporter
