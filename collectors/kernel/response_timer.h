#pragma once

#include <array>
#include <string>
#include <utility>

#include "collectors/bpf/connects.h"
#include "collectors/kernel/bpf_program.h"
#include "responses.skel.h"

namespace socket_exporter {

/// Times answers to the connections that ConnectTracker follows, by eBPF programs that see all
/// packets, as long as it lives. For ConnectTracker, which shares its maps.
class ResponseTimer {
 public:
  /// `denied` without the privilege, `unavailable` where the root of cgroup2 is out of reach.
  static Result<ResponseTimer> start(const std::string& procfs);

  /// Makes these maps, of a program that is not loaded yet, its own. 0, or a negative errno.
  int share(bpf_map* places, bpf_map* crowd, bpf_map* times) const;

 private:
  using Bpf = BpfProgram<responses_bpf>;

  using Links = std::array<BpfLink, 2>;

  ResponseTimer(Bpf program, Links links) : bpf_(std::move(program)), links_(std::move(links)) {}

  Bpf bpf_;
  Links links_;  // go before the program
};

}  // namespace socket_exporter
