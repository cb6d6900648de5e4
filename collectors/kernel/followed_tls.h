#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "collectors/base/result.h"
#include "collectors/kernel/kernel.h"
#include "collectors/kernel/openssl_files.h"
#include "collectors/kernel/websocket_tls_tracker.h"

namespace socket_exporter {

/// WebSocket connections inside of TLS, followed where this host lets it and they are asked for, in
/// all processes that have OpenSSL. One thread at a time.
class FollowedTls {
 public:
  FollowedTls(std::string procfs, const WebsocketPorts& ports);

  /// As FollowedWebsockets::follow.
  void follow(const WebsocketPorts& ports);

  const Feature& feature() const { return feature_; }
  /// `unavailable` where they are not followed. Looks for OpenSSL in processes that are new.
  Result<WebsocketCounts> read();
  /// As WebsocketTlsTracker::forget.
  std::vector<WebsocketRecord> forget(std::span<const WebsocketKey> idle);

 private:
  void start(const WebsocketPorts& ports);
  void look_at(std::uint32_t pid);
  void attach(const OpensslFile& file);

  std::string procfs_;
  OpensslFiles files_;
  std::size_t attached_ = 0;
  std::optional<WebsocketTlsTracker> tracker_;
  Feature feature_{"websocket_tls", false, ""};
};

}  // namespace socket_exporter
