#pragma once

#include <memory>
#include <string>
#include <vector>

#include "collectors/base/result.h"
#include "collectors/kernel/connect_counts.h"

namespace socket_exporter {

/// Follows the TCP connections that processes of all network namespaces open, by an eBPF program,
/// as long as it lives. Nothing is pinned. One thread at a time.
class ConnectTracker {
 public:
  /// `denied` without the privilege, `unavailable` on an old kernel or in a build without eBPF.
  /// `with_responses`, it times these too where it can.
  static Result<ConnectTracker> start(const std::string& procfs, bool with_responses);

  ConnectTracker(ConnectTracker&&) noexcept;
  ConnectTracker& operator=(ConnectTracker&&) noexcept;
  ~ConnectTracker();

  Result<ConnectCounts> read();

  /// Whether responses are timed too, or why not: that needs more than the rest.
  Result<> times_responses() const;

  /// Makes room: ends the counting of these keys and the timing of these destinations, and returns
  /// how far it came. They begin at zero when they come again.
  ConnectCounts forget(const IdleConnects& idle);

 private:
  class Program;
  explicit ConnectTracker(std::unique_ptr<Program> program);

  std::unique_ptr<Program> program_;
};

}  // namespace socket_exporter
