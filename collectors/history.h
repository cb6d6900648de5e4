#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "collectors/base/address.h"
#include "collectors/kernel/socket.h"
#include "collectors/sticky_top.h"

namespace socket_exporter {

/// What a connect() competes for: local ports towards one destination from one source.
struct TupleKey {
  std::uint32_t netns = 0;
  Protocol protocol = Protocol::tcp;
  IpAddress source{};
  IpAddress destination{};
  std::uint16_t destination_port = 0;
  auto operator<=>(const TupleKey&) const = default;
};

struct DestinationKey {
  std::uint32_t netns = 0;
  IpAddress address{};
  std::uint16_t port = 0;
  auto operator<=>(const DestinationKey&) const = default;
};

/// What collectors remember from scrape to scrape. Gather thread only.
struct History {
  StickyTop<TupleKey> tuples;
  StickyTop<DestinationKey> destinations;
  /// What the field filter said of a netstat field.
  std::unordered_map<std::string, bool> netstat_fields;
  /// When the host started, in seconds since 1970; /proc/stat is dear to read.
  std::optional<std::uint64_t> boot_time;
  /// Label sets not shown on their own, by metric name: socket_exporter_label_overflow_total.
  std::map<std::string_view, std::uint64_t> overflow;
};

}  // namespace socket_exporter
