#include "collectors/kernel/owners.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace socket_exporter {

Owners::Owners(std::vector<Process> processes, std::vector<SocketOwner> sockets,
               std::uint64_t unreadable, std::optional<Counts> counts)
    : processes_(std::move(processes)),
      sockets_(std::move(sockets)),
      unreadable_(unreadable),
      counts_(std::move(counts)) {
  std::sort(sockets_.begin(), sockets_.end(), [](const SocketOwner& a, const SocketOwner& b) {
    return std::tie(a.inode, a.process) < std::tie(b.inode, b.process);
  });
}

void Owners::forget(const std::set<std::uint32_t>& netns) {
  for (Process& process : processes_) {
    if (netns.contains(process.netns)) process.netns = 0;
  }
  if (!counts_) return;
  const auto is_of_those = [&](const auto& entry) { return netns.contains(entry.first.netns); };
  std::erase_if(counts_->held, is_of_those);
  std::erase_if(counts_->destinations, is_of_those);
}

std::optional<std::size_t> Owners::owner_of(std::uint32_t inode) const {
  if (inode == 0) return std::nullopt;
  const auto found = std::lower_bound(
      sockets_.begin(), sockets_.end(), inode,
      [](const SocketOwner& socket, std::uint32_t wanted) { return socket.inode < wanted; });
  if (found == sockets_.end() || found->inode != inode) return std::nullopt;
  return found->process;
}

}  // namespace socket_exporter
