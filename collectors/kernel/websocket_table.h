#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "collectors/base/result.h"
#include "collectors/kernel/websocket_counts.h"

struct bpf_map;

namespace socket_exporter {

/// What an eBPF program that follows WebSockets counts by key. One thread at a time, and not
/// longer than the program.
class WebsocketTable {
 public:
  /// Of the program; `tags` is where it keeps the last that it gave.
  struct Maps {
    const bpf_map* places = nullptr;
    const bpf_map* slots = nullptr;
    const bpf_map* free_slots = nullptr;
    __u64* tags = nullptr;
  };

  WebsocketTable() = default;
  /// Before the program is attached. Its keys are those of connections inside of TLS, or not.
  static Result<WebsocketTable> make(const Maps& maps, bool tls);

  /// Adds all records.
  Result<> read(std::vector<WebsocketRecord>& to) const;
  /// As WebsocketTracker::forget; keys of the other kind are left alone.
  std::vector<WebsocketRecord> forget(std::span<const WebsocketKey> idle) const;

 private:
  struct Unmap {
    void operator()(sx_websocket_slot* at) const;
  };

  WebsocketRecord record_of(const sx_websocket_key& key, const sx_websocket_counts& counts) const;

  Maps maps_;
  bool tls_ = false;
  std::unique_ptr<sx_websocket_slot[], Unmap> slots_;  ///< as the program writes them
};

}  // namespace socket_exporter
