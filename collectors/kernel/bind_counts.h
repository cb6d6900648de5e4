#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <vector>

#include "collectors/bpf/binds.h"
#include "collectors/kernel/connect_counts.h"
#include "collectors/kernel/socket.h"

namespace socket_exporter {

/// Whose sockets got no local port. All else is empty where `is_rest`: that counts what found no
/// room.
struct BindKey {
  NetnsId netns{};
  bool is_rest = false;
  std::string comm{};  ///< of the process, as it set it
  Protocol protocol = Protocol::tcp;
  auto operator<=>(const BindKey&) const = default;
};

/// By sx_bind_reason; since tracking began, or since the key was forgotten.
using BindCounters = std::array<std::uint64_t, SX_BIND_REASONS>;

struct BindRecord {
  BindKey key;
  BindCounters counters{};
};

/// Sockets of all namespaces that got no local port.
struct BindCounts {
  std::vector<BindRecord> records{};
  std::uint64_t missed = 0;  ///< events that were lost
};

}  // namespace socket_exporter
