#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "collectors/base/result.h"
#include "collectors/bpf/process_walk.h"
#include "collectors/kernel/owners.h"

namespace socket_exporter {

/// What the eBPF walk over all descriptors writes, in the order of its threads.
struct ProcessRecords {
  std::vector<sx_process_record> processes;
  std::vector<sx_held_socket> sockets;

  /// Adds the records at the start of `bytes`; returns how many bytes the whole ones were.
  Result<std::size_t> add(std::span<const std::byte> bytes);
};

/// Brings the records of a process together. Each socket counts once, in the process with the
/// lowest pid, whether dup(), fork() or a shared table gave it several descriptors.
/// `destinations` are what was counted for the keys of `wanted`, one by one.
Owners owners_of(const ProcessRecords& records, std::span<const DestinationKey> wanted,
                 std::span<const sx_destination> destinations, const WorkloadOf& workload_of);

}  // namespace socket_exporter
