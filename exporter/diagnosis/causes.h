#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "exporter/diagnosis/checks.h"

namespace socket_exporter {

/// What runs out of sockets, ports or places in a queue, and why.
enum class Cause {
  churn,
  close_wait_leak,
  pool_too_large,
  unresponsive_peer,
  accept_queue_full,
  descriptors,
  conntrack,
  udp_ports,
  ports_bound,
};

/// "churn", "close_wait_leak", ... for programs.
std::string_view to_string(Cause cause);

struct Finding {
  Cause cause;
  Status status;
  std::string headline;            ///< what is short, with its numbers
  std::string explanation;         ///< why, with the numbers that say so
  std::vector<std::string> steps;  ///< what to do, first things first: commands or code
  bool is_inside = true;           ///< the commands are for inside the namespace
};

/// Pure. Worst first; empty when all is well. `chosen` goes before the defaults of the checks.
std::vector<Finding> find_causes(const Inspection& seen, const CheckThresholds& chosen);

/// Pure. For a host on which nothing was found: how full it is, and what could not be judged.
std::string calm_headline(const Inspection& seen);

}  // namespace socket_exporter
