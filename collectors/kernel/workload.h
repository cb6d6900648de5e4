#pragma once

#include <string>

namespace socket_exporter {

/// The pod or container that a process or a network namespace belongs to; empty: none, or unknown.
struct Workload {
  std::string pod_namespace;
  std::string pod;
  std::string container;  ///< first 12 hexadecimal digits of its id, or its name where it has none
  std::string pod_uid;

  bool empty() const { return pod_uid.empty() && container.empty(); }
  bool operator==(const Workload&) const = default;
};

}  // namespace socket_exporter
