#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "collectors/kernel/process.h"

namespace socket_exporter {

/// Processes that serve WebSockets and that one series stands for; label values.
struct WebsocketServer {
  std::string netns;
  std::string pod_namespace;
  std::string pod;
  std::uint16_t port = 0;
  std::string comm;
  auto operator<=>(const WebsocketServer&) const = default;
};

/// Adds up the CPU time of processes by series, and keeps that of those that have ended. Outlives
/// scrapes; gather thread only.
class CpuLedger {
 public:
  using Time = std::chrono::steady_clock::time_point;
  /// So long a series, or what was counted of a process, is remembered after it was last seen.
  static constexpr std::chrono::minutes kKept{10};

  void add(const WebsocketServer& server, std::uint32_t pid, const ProcessStat& stat, Time now);
  /// What was not seen for long. After the last add() of a scrape.
  void forget_old(Time now);

  /// Clock ticks; 0 where the series is not known.
  std::uint64_t ticks(const WebsocketServer& server) const;
  std::size_t size() const { return sums_.size(); }
  bool knows(const WebsocketServer& server) const { return sums_.contains(server); }

 private:
  struct Counted {
    std::uint64_t start_time = 0;  ///< tells processes with the same pid apart
    std::uint64_t ticks = 0;
    Time seen{};
  };
  struct Sum {
    std::uint64_t ticks = 0;
    Time seen{};
  };

  std::map<std::pair<WebsocketServer, std::uint32_t>, Counted> processes_;  ///< by pid
  std::map<WebsocketServer, Sum> sums_;
};

}  // namespace socket_exporter
