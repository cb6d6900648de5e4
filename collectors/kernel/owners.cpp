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

std::span<const Owners::SocketOwner> Owners::entries_of(std::uint32_t inode) const {
  if (inode == 0) return {};
  const auto from = std::lower_bound(
      sockets_.begin(), sockets_.end(), inode,
      [](const SocketOwner& socket, std::uint32_t wanted) { return socket.inode < wanted; });
  const auto to = std::find_if(from, sockets_.end(),
                               [&](const SocketOwner& socket) { return socket.inode != inode; });
  return {from, to};
}

std::optional<std::size_t> Owners::owner_of(std::uint32_t inode) const {
  const auto entries = entries_of(inode);
  return entries.empty() ? std::nullopt : std::optional<std::size_t>(entries.front().process);
}

std::vector<std::size_t> Owners::holders_of(std::uint32_t inode) const {
  std::vector<std::size_t> holders;
  for (const SocketOwner& entry : entries_of(inode)) {
    if (holders.empty() || holders.back() != entry.process) holders.push_back(entry.process);
  }
  return holders;
}

}  // namespace socket_exporter
