#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "collectors/base/result.h"

namespace socket_exporter {

/// Sums over all CPUs of /proc/net/stat/nf_conntrack; a column that this kernel lacks is empty.
struct ConntrackStat {
  std::optional<std::uint64_t> found;
  std::optional<std::uint64_t> invalid;
  std::optional<std::uint64_t> ignore;
  std::optional<std::uint64_t> insert;
  std::optional<std::uint64_t> insert_failed;
  std::optional<std::uint64_t> drop;
  std::optional<std::uint64_t> early_drop;
  std::optional<std::uint64_t> search_restart;
};

Result<ConntrackStat> parse_conntrack_stat(std::string_view text);

}  // namespace socket_exporter
