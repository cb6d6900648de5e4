#include "collectors/kernel/scan_pass.h"

#include <algorithm>

namespace socket_exporter {

ScanPass::ScanPass(std::span<const NetNs> namespaces, const SocketSink& sink) : sink_(sink) {
  members_.reserve(namespaces.size());
  for (const NetNs& ns : namespaces) members_[ns.inode].shown = ns.shown;
}

ScanPass::Member* ScanPass::find(std::uint32_t netns) {
  if (netns != last_netns_) {
    const auto found = members_.find(netns);
    last_netns_ = netns;
    last_ = found != members_.end() ? &found->second : nullptr;
  }
  return last_;
}

void ScanPass::add(std::span<Socket> sockets) {
  const auto is_stranger = [&](Socket& socket) {
    Member* const member = find(socket.netns);
    if (member == nullptr) return true;
    member->ports.mark(socket);
    if (!member->shown) socket.netns = kOtherNetns;
    return false;
  };
  const auto end = std::remove_if(sockets.begin(), sockets.end(), is_stranger);
  const auto known = sockets.first(static_cast<std::size_t>(end - sockets.begin()));
  stats_.sockets += known.size();
  if (!known.empty()) sink_(known);
}

void ScanPass::add_bound_port(std::uint32_t netns, std::uint16_t port) {
  if (Member* const member = find(netns)) member->ports.add(port);
}

}  // namespace socket_exporter
