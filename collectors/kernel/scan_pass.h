#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>

#include "collectors/kernel/bound_ports.h"
#include "collectors/kernel/kernel.h"

namespace socket_exporter {

/// Completes the sockets of one scan and hands them on. What came into being after the list of
/// namespaces was made is left for the next scan.
class ScanPass {
 public:
  ScanPass(std::span<const NetNs> namespaces, const SocketSink& sink);

  /// Sockets of any namespaces.
  void add(std::span<Socket> sockets);
  /// A TCP port that bind() holds there; it has to be told before the sockets.
  void add_bound_port(std::uint32_t netns, std::uint16_t port);
  /// A namespace whose sockets are not known, none of which were added.
  void note_unread(std::uint32_t netns) { stats_.unread.push_back(netns); }
  void note_interrupted() { stats_.interrupted = true; }
  void note_restarts(std::uint64_t chains) { stats_.restarts += chains; }
  void note_unread_ports(std::uint64_t ports) { stats_.unread_ports += ports; }

  const ScanStats& stats() const { return stats_; }

 private:
  struct Member {
    BoundPorts ports;
    bool shown = true;
  };

  Member* find(std::uint32_t netns);

  const SocketSink& sink_;
  std::unordered_map<std::uint32_t, Member> members_;  ///< by inode
  std::uint32_t last_netns_ = 0;                       ///< and its member: they come in runs
  Member* last_ = nullptr;
  ScanStats stats_;
};

}  // namespace socket_exporter
