#pragma once

#include <cstdint>
#include <string>

#include "collectors/kernel/workload.h"

namespace socket_exporter {

/// "shop/cart-7d" or "container:0123456789ab", printable; empty where there is neither.
std::string to_string(const Workload& workload);

/// A process as people know it; pid 0 is one whose number is not known.
struct ProcessName {
  std::uint32_t pid = 0;
  std::string comm;  ///< printable
  Workload workload{};

  bool is_known() const { return pid != 0; }
};
/// "nginx (pid 42)", or "nginx (pid 42, shop/cart-7d)".
std::string to_string(const ProcessName& process);

}  // namespace socket_exporter
