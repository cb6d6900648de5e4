#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "collectors/base/result.h"
#include "collectors/families.h"
#include "collectors/kernel/socket.h"
#include "collectors/snapshot.h"

namespace socket_exporter {

/// Turns what one scrape saw into metrics. A collector lives for one scrape:
/// construction is the reset, destruction the clean-up, and no member is ever
/// shared between threads. What must outlive a scrape is in History.
class Collector {
 public:
  virtual ~Collector() = default;

  /// Called once, before the scan, for what `see` needs to know. On error the collector ends here.
  virtual Result<> prepare(Snapshot& /*snapshot*/) { return {}; }

  /// Called with every socket of the one shared scan, in batches. Only count here.
  virtual void see(std::span<const Socket> /*sockets*/) {}

  /// Called once, after the scan and before any emit: asks for owners of destinations.
  virtual void choose(Snapshot& /*snapshot*/) {}

  /// Called once, after the scan. On error nothing of this collector is shown.
  virtual Result<> emit(Snapshot& snapshot, Families& out) = 0;
};

/// What the rest of the program knows about a collector before running it.
struct CollectorEntry {
  std::string_view name;     ///< flag and label value
  std::string_view summary;  ///< one line for --help
  bool on_by_default;
  bool needs_sockets;
  bool needs_bound_sockets = false;  ///< those that only called bind() too
  bool node_compat = false;          ///< emits node_exporter's own names: --collector.node-compat
  std::span<const MetricInfo> metrics;
  std::unique_ptr<Collector> (*make)();
};

/// Every collector of this build, in output order. One line each.
std::span<const CollectorEntry* const> all_collectors();

}  // namespace socket_exporter
