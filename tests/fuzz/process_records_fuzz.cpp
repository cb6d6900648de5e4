#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "collectors/kernel/process_records.h"

using namespace socket_exporter;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ProcessRecords records;
  const auto taken = records.add(std::as_bytes(std::span(data, size)));
  if (!taken) return 0;
  if (*taken > size) std::abort();
  const Owners owners = owners_of(
      records, {}, {}, [](std::uint32_t /*pid*/, std::uint64_t /*cgroup*/) { return Workload{}; });
  for (const auto& [holder, sockets] : owners.counts()->held) {
    if (holder.process >= owners.processes().size()) std::abort();
  }
  for (const auto& socket : records.sockets) {
    const auto owner = owners.owner_of(socket.inode);
    if (owner && *owner >= owners.processes().size()) std::abort();
  }
  return 0;
}
