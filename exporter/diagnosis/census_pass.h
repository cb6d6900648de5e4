#pragma once

#include <span>
#include <vector>

#include "collectors/kernel/owners.h"
#include "exporter/diagnosis/inspection.h"

namespace socket_exporter {

/// The sockets of each of these namespaces, in their order, all counted in one pass. Gather thread,
/// or a program that has no other.
std::vector<Result<SeenSockets>> see_sockets(Kernel& kernel, Snapshot& snapshot,
                                             std::span<const NetNs> namespaces,
                                             const Owners& owners);

}  // namespace socket_exporter
