#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string_view>

#include "collectors/base/bounded_table.h"
#include "collectors/kernel/owners.h"
#include "collectors/kernel/socket.h"
#include "collectors/snapshot.h"

namespace socket_exporter {

/// Sockets by state.
using TcpStates = std::array<std::uint32_t, kTcpStates>;

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
  /// Label `comm` of a destination with these sockets: who made them where most are in TIME_WAIT.
  /// Remembered from earlier scrapes when no process has sockets to it any more.
  std::string_view comm_of(Snapshot& snapshot, const DestinationKey& destination,
                           const TcpStates& states) const;
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

/// TIME_WAIT sockets by destination: they have no process any more, so those that opened the
/// connections stand for them. Lives for one scrape.
class TimeWaitSockets {
 public:
  /// After connections were read.
  void prepare(Snapshot& snapshot);
  void see(std::span<const Socket> sockets);
  /// Whether connections are followed.
  bool is_shared_out() const { return openers_ != nullptr; }

  /// Calls `take(netns, opener, sockets)` for each part.
  template <typename Take>
  void share_out(const Take& take) const {
    for (const auto& [destination, sockets] : counts_.entries()) {
      for (const OpenerSockets& part : openers_->share_out(destination, sockets)) {
        take(destination.netns, part.opener, part.sockets);
      }
    }
  }

 private:
  static constexpr std::size_t kMaxDestinations = 65536;

  const OpenerLedger* openers_ = nullptr;  ///< null where connections are not followed
  BoundedTable<DestinationKey, std::uint32_t, DestinationHash, kMaxDestinations> counts_;
};

}  // namespace socket_exporter
