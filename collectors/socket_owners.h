#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string_view>

#include "collectors/kernel/owners.h"
#include "collectors/kernel/socket.h"
#include "collectors/snapshot.h"

namespace socket_exporter {

/// A TCP socket that connect() made, or may yet make.
bool is_outgoing(const Socket& socket);
DestinationKey destination_of(const Socket& socket);

struct DestinationHash {
  std::size_t operator()(const DestinationKey& key) const;
};

/// The sockets that each process holds: as the kernel counted them, else by the inodes that a
/// scan shows. Lives for one scrape, as the collector that it is part of.
class ProcessSockets {
 public:
  void prepare(Snapshot& snapshot);
  void see(std::span<const Socket> sockets);
  /// After the scan; `owners` are those of the snapshot.
  const std::map<Owners::Holder, HeldSockets>& held(const Owners& owners) const;

 private:
  const Owners* by_inode_ = nullptr;  ///< when the kernel counts nothing
  std::map<Owners::Holder, HeldSockets> seen_;
};

/// The process with most sockets to a destination, found in the same ways.
class DestinationOwners {
 public:
  void prepare(Snapshot& snapshot);
  void see(std::span<const Socket> sockets);
  /// In Collector::choose: the destination will be shown.
  void want(Snapshot& snapshot, const DestinationKey& destination);
  /// Label `comm`: remembered from earlier scrapes when no process has sockets to it any more.
  std::string_view comm_of(Snapshot& snapshot, const DestinationKey& destination) const;
  /// Destinations and, by inodes, sockets that were too many to find the owner.
  std::uint64_t left_out() const { return left_out_; }

 private:
  struct SocketGroup {
    DestinationKey destination;
    std::size_t process;
    auto operator<=>(const SocketGroup&) const = default;
  };

  const Process* owner_of(const Owners& owners, const DestinationKey& destination) const;

  const Owners* by_inode_ = nullptr;
  std::map<SocketGroup, std::uint32_t> seen_;
  std::uint64_t left_out_ = 0;
};

}  // namespace socket_exporter
