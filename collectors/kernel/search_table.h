#pragma once

#include <cstring>
#include <vector>

#include "collectors/bpf/connects.h"
#include "collectors/kernel/bpf_program.h"
#include "collectors/kernel/connect_counts.h"

namespace socket_exporter {

static_assert(sizeof(TimeCounters) == sizeof(sx_histogram));

inline TimeCounters times_of(const sx_histogram& histogram) {
  TimeCounters times;
  std::memcpy(times.data(), &histogram, sizeof histogram);
  return times;
}

/// The table of port_searches.h of a program. `Bpf` is its BpfProgram.
template <typename Bpf>
class SearchTable {
 public:
  explicit SearchTable(const bpf_map* map) : map_(map) {}

  /// What stands for all that found no room has to be there before the table is full.
  Result<> add_rest() const { return Bpf::add(map_, sx_connect_netns{}, sx_histogram{}); }

  Result<std::vector<PortSearches>> read() const {
    std::vector<PortSearches> all;
    auto read = Bpf::template for_each<sx_connect_netns, sx_histogram>(
        map_, [&](const sx_connect_netns& netns, const sx_histogram& histogram) {
          all.push_back({{netns.cookie, netns.inode}, times_of(histogram)});
        });
    if (!read) return read.error();
    return all;
  }

 private:
  const bpf_map* map_;
};

}  // namespace socket_exporter
