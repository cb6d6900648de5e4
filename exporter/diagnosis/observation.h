#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "collectors/kernel/kernel.h"
#include "collectors/services.h"
#include "exporter/diagnosis/process_name.h"

namespace socket_exporter {

/// What connections came to while they were watched, by sx_connect_counter.
struct OpenCounts {
  ConnectCounters counters{};

  std::uint64_t attempts() const { return counters[SX_ATTEMPTS]; }
  std::uint64_t no_port() const { return counters[SX_FAILED_NO_PORT]; }
  std::uint64_t failed() const;
  /// Those that did not fail.
  std::uint64_t opened() const;
  std::uint64_t closed() const;
  void add(const OpenCounts& more);
};

/// Processes of one name and cgroup that connect to one destination.
struct SeenOpener {
  ProcessName process;  ///< the last of them; it may be gone
  OpenCounts counts;
};

/// Connections to one destination, while they were watched.
struct SeenOpenings {
  ConnectDestination destination;
  std::string service;  ///< the operator's name of the destination, or empty
  OpenCounts counts;    ///< of all openers
  std::optional<std::chrono::duration<double>> lifetime;  ///< median, over all namespaces
  std::vector<SeenOpener> openers;                        ///< most attempts first
};

/// Who opened connections in one namespace; most attempts first.
struct SeenWatch {
  std::chrono::duration<double> time{};
  std::vector<SeenOpenings> openings;
  OpenCounts all;  ///< of these, and of what found no room in the kernel's table

  /// Null: nobody connected there.
  const SeenOpenings* find(const IpAddress& address, std::uint16_t port) const;
  double per_second(std::uint64_t count) const { return static_cast<double>(count) / time.count(); }
};

/// Outgoing connections of all namespaces, while they were watched.
struct Observation {
  struct Opener {
    NetnsId netns;
    ConnectDestination destination;
    SeenOpener seen;
  };

  std::chrono::duration<double> time{};
  std::vector<Opener> openers;
  std::map<NetnsId, OpenCounts> sums;
  std::map<ConnectDestination, TimeCounters> lifetimes;
};

/// Watches for that long. Error: connections are not followed, and there was no wait.
Result<Observation> observe(Kernel& kernel, std::chrono::milliseconds time);

/// Pure. What the kernel counted between two reads.
Observation difference(const ConnectCounts& before, const ConnectCounts& after,
                       std::chrono::duration<double> time, const WorkloadOf& workload_of);

/// Pure. The part of one namespace.
SeenWatch watch_of(const Observation& observed, const NetNs& ns, const ServiceMap& services);

}  // namespace socket_exporter
