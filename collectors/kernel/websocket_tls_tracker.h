#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "collectors/base/fd.h"
#include "collectors/base/result.h"
#include "collectors/kernel/websocket_counts.h"

namespace socket_exporter {

/// Follows WebSocket connections inside of TLS by eBPF programs at the functions of OpenSSL that
/// read and write, as long as it lives. One thread at a time.
class WebsocketTlsTracker {
 public:
  /// `denied` without the privilege, `unavailable` on a kernel that does not let programs be
  /// followed or in a build without eBPF. Nothing is followed before attach().
  static Result<WebsocketTlsTracker> start(const WebsocketPorts& ports);

  WebsocketTlsTracker(WebsocketTlsTracker&&) noexcept;
  WebsocketTlsTracker& operator=(WebsocketTlsTracker&&) noexcept;
  ~WebsocketTlsTracker();

  /// Other ports from now on.
  void follow(const WebsocketPorts& ports);

  /// In all processes that have this file, now or later. False where it has no OpenSSL.
  Result<bool> attach(const Fd& file);
  /// Processes that have read from these ports and are not known to have a file of attach(), since
  /// the last call.
  std::vector<std::uint32_t> take_readers();

  Result<WebsocketCounts> read();
  /// As WebsocketTracker::forget.
  std::vector<WebsocketRecord> forget(std::span<const WebsocketKey> idle);

 private:
  class Program;
  explicit WebsocketTlsTracker(std::unique_ptr<Program> program);

  std::unique_ptr<Program> program_;
};

}  // namespace socket_exporter
