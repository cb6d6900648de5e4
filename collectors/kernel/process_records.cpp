#include "collectors/kernel/process_records.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <utility>

namespace socket_exporter {
namespace {

static_assert(sizeof(sx_process_record) == 120 && std::is_trivially_copyable_v<sx_process_record>);
static_assert(sizeof(sx_held_socket) == 20 && std::is_trivially_copyable_v<sx_held_socket>);
static_assert(sizeof(sx_destination_key) == 24 && sizeof(sx_destination) == 16);
static_assert(SX_SOCKET_STATES == kTcpStates);

template <typename Record>
bool take(std::span<const std::byte>& bytes, std::vector<Record>& to) {
  if (bytes.size() < sizeof(Record)) return false;
  std::memcpy(&to.emplace_back(), bytes.data(), sizeof(Record));
  bytes = bytes.subspan(sizeof(Record));
  return true;
}

Process to_process(const sx_process_record& record, const WorkloadOf& workload_of) {
  Process process;
  process.pid = record.pid;
  process.comm = std::string_view(record.comm, strnlen(record.comm, sizeof record.comm));
  process.fds_limit = record.fds_limit;
  process.netns = record.netns;
  process.workload = workload_of(record.pid, record.cgroup);
  return process;
}

/// Numbers processes by pid, and finds them by thread.
class Numbering {
 public:
  explicit Numbering(const std::vector<sx_process_record>& records) {
    for (const auto& record : records) numbers_.try_emplace(record.pid);
    std::uint32_t next = 0;
    for (auto& [pid, number] : numbers_) number = next++;
    for (const auto& record : records) threads_[record.thread] = numbers_.at(record.pid);
  }

  std::size_t size() const { return numbers_.size(); }
  std::optional<std::uint32_t> of_thread(std::uint32_t thread) const {
    const auto found = threads_.find(thread);
    return found != threads_.end() ? std::optional(found->second) : std::nullopt;
  }

 private:
  std::map<std::uint32_t, std::uint32_t> numbers_;
  std::unordered_map<std::uint32_t, std::uint32_t> threads_;
};

void add_sockets(HeldSockets& held, std::uint32_t state, std::uint32_t count) {
  if (state == SX_UDP) {
    held.udp += count;
  } else if (state < kTcpStates) {
    held.tcp[state] += count;
  }
}

// A table of several threads comes once, unless the leader of its process has ended, or it is
// the table of another process too (CLONE_FILES): then the first thread's record counts.
std::vector<Process> add_up(const std::vector<sx_process_record>& records,
                            const Numbering& numbering, const WorkloadOf& workload_of,
                            Owners::Counts& counts) {
  std::vector<Process> processes(numbering.size());
  std::unordered_map<std::uint64_t, std::uint32_t> threads;  // by table
  for (const sx_process_record& record : records) {
    const std::uint32_t number = *numbering.of_thread(record.thread);
    Process& process = processes[number];
    if (process.pid == 0) process = to_process(record, workload_of);
    const bool is_first =
        threads.try_emplace(record.table, record.thread).first->second == record.thread;
    if (is_first || record.is_leader != 0) process.open_fds += record.open_fds;
    if (!is_first || record.sockets_netns == 0) continue;
    HeldSockets& held = counts.held[{number, record.sockets_netns}];
    for (std::uint32_t state = 0; state < SX_SOCKET_STATES; ++state) {
      add_sockets(held, state, record.sockets[state]);
    }
  }
  return processes;
}

std::vector<Owners::SocketOwner> count_once(std::vector<sx_held_socket> sockets,
                                            const Numbering& numbering, Owners::Counts& counts) {
  std::erase_if(sockets, [&](const auto& s) { return !numbering.of_thread(s.thread); });
  for (auto& socket : sockets) socket.thread = *numbering.of_thread(socket.thread);
  const auto rank = [](const auto& s) { return std::pair(s.inode, s.thread); };
  std::sort(sockets.begin(), sockets.end(),
            [&](const auto& a, const auto& b) { return rank(a) < rank(b); });
  const auto end = std::unique(sockets.begin(), sockets.end(),
                               [&](const auto& a, const auto& b) { return rank(a) == rank(b); });
  std::vector<Owners::SocketOwner> owners;
  owners.reserve(static_cast<std::size_t>(end - sockets.begin()));
  for (auto socket = sockets.begin(); socket != end; ++socket) {
    const bool is_first = owners.empty() || owners.back().inode != socket->inode;
    owners.push_back({socket->inode, socket->thread});
    if (is_first) add_sockets(counts.held[{socket->thread, socket->netns}], socket->state, 1);
  }
  return owners;
}

}  // namespace

Result<std::size_t> ProcessRecords::add(std::span<const std::byte> bytes) {
  const std::size_t all = bytes.size();
  std::uint32_t kind = 0;
  while (bytes.size() >= sizeof kind) {
    std::memcpy(&kind, bytes.data(), sizeof kind);
    if (kind != SX_PROCESS && kind != SX_SOCKET) {
      return Error{Error::Kind::malformed, fmt::format("bpf: a record of kind {}", kind)};
    }
    if (!(kind == SX_PROCESS ? take(bytes, processes) : take(bytes, sockets))) break;
  }
  return all - bytes.size();
}

Owners owners_of(const ProcessRecords& records, std::span<const DestinationKey> wanted,
                 std::span<const sx_destination> destinations, const WorkloadOf& workload_of) {
  const Numbering numbering(records.processes);
  Owners::Counts counts;
  auto processes = add_up(records.processes, numbering, workload_of, counts);
  auto sockets = count_once(records.sockets, numbering, counts);
  for (std::size_t i = 0; i < std::min(wanted.size(), destinations.size()); ++i) {
    if (destinations[i].most == 0) continue;
    const auto process = numbering.of_thread(destinations[i].most_thread);
    if (process) counts.destinations[wanted[i]] = *process;
  }
  return {std::move(processes), std::move(sockets), 0, std::move(counts)};
}

}  // namespace socket_exporter
