#pragma once

#include <array>
#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "collectors/kernel/owners.h"
#include "collectors/sticky_top.h"

namespace socket_exporter {

/// Processes that open connections, as labels name them.
struct Opener {
  std::string pod_namespace;
  std::string pod;
  std::string container;
  std::string comm;  ///< printable; "other" is the rest
  auto operator<=>(const Opener&) const = default;
};

/// A part of the connections to one destination; all parts are 1.
struct OpenerShare {
  Opener opener;
  double ratio = 0;
};

/// Sockets of one destination that an opener left behind.
struct OpenerSockets {
  const Opener& opener;  ///< valid until the next count() or forget
  std::uint32_t sockets = 0;
};

/// Who opened the connections to a destination in about the last minute, as long as TIME_WAIT
/// lasts, which has no owner any more. Outlives scrapes; gather thread only.
class OpenerLedger {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::seconds kSlice{10};
  static constexpr std::size_t kSlices = 7;  ///< the last is under way: 60 to 70 s in all
  static constexpr std::size_t kShown = 5;   ///< openers of a destination, for a while up to twice

  /// From here on it is this time; what is too old is forgotten.
  void begin(Time now);
  /// `opened` may be less than 0: connections that were counted before have failed since.
  void count(const DestinationKey& destination, const Opener& opener, std::int64_t opened,
             std::uint64_t time_wait);
  template <typename Predicate>
  void forget_if(const Predicate& is_gone) {
    std::erase_if(destinations_, [&](const auto& entry) { return is_gone(entry.first); });
  }

  /// Whether connections are followed at this time.
  bool is_current(Time now) const { return slice_of(now) - now_ < std::int64_t{kSlices}; }
  bool empty() const { return destinations_.empty(); }
  /// Largest first, the rest last; empty: nobody was seen to open any.
  std::vector<OpenerShare> shares(const DestinationKey& destination, Time now);
  /// So many TIME_WAIT sockets, as far as openers made them, in whole numbers by their shares.
  std::vector<OpenerSockets> share_out(const DestinationKey& destination,
                                       std::uint32_t time_wait) const;
  /// Who made most of the TIME_WAIT sockets; null: nobody known.
  const Opener* largest(const DestinationKey& destination) const;

 private:
  struct Sums {
    std::int64_t opened = 0;
    std::uint64_t time_wait = 0;
  };
  struct Slice {
    std::int64_t number = -std::int64_t{kSlices};
    Sums sums;
  };
  using Window = std::array<Slice, kSlices>;
  struct Destination {
    std::map<Opener, Window> openers;
    StickyTop<Opener> top;
  };

  static std::int64_t slice_of(Time now) { return now.time_since_epoch() / kSlice; }
  bool is_recent(const Slice& slice) const { return now_ - slice.number < std::int64_t{kSlices}; }
  Sums sum(const Window& window) const;

  std::map<DestinationKey, Destination> destinations_;
  std::int64_t now_ = -2 * std::int64_t{kSlices};
};

}  // namespace socket_exporter
