#include "collectors/socket_owners.h"

#include <chrono>
#include <numeric>

#include "collectors/base/utf8.h"

namespace socket_exporter {
namespace {

/// Processes of destinations told apart where inodes are matched; 65,536 take 6 MiB.
constexpr std::size_t kMaxGroups = 65536;

/// As long as a destination stays shown.
constexpr auto kRemembered = StickyTop<DestinationKey>::kStay;

// Null when the kernel counts by itself, or there is an error, which emit() will meet again.
const Owners* owners_by_inode(Snapshot& snapshot) {
  if (snapshot.owners_are_counted()) return nullptr;
  const auto& owners = snapshot.owners();
  return owners && !owners->counts() ? &*owners : nullptr;
}

// Null where connections are not followed.
const OpenerLedger* openers_of(Snapshot& snapshot) {
  const OpenerLedger& openers = snapshot.history().connects.openers();
  return openers.is_current(snapshot.started()) ? &openers : nullptr;
}

bool is_mostly_time_wait(const TcpStates& states) {
  const auto all = std::accumulate(states.begin(), states.end(), std::uint64_t{0});
  return states[static_cast<std::size_t>(TcpState::time_wait)] > all / 2;
}

}  // namespace

bool is_outgoing(const Socket& socket) {
  return socket.protocol == Protocol::tcp && !socket.inbound && socket.state != TcpState::listen &&
         socket.state != TcpState::close;
}

DestinationKey destination_of(const Socket& socket) {
  return {socket.netns, socket.remote, socket.remote_port};
}

std::size_t DestinationHash::operator()(const DestinationKey& key) const {
  return hash_mix(hash_of(key.address) ^ ((std::uint64_t{key.netns} << 16U) | key.port));
}

void ProcessSockets::prepare(Snapshot& snapshot) {
  by_inode_ = owners_by_inode(snapshot);
}

void ProcessSockets::see(std::span<const Socket> sockets) {
  if (by_inode_ == nullptr) return;
  for (const Socket& socket : sockets) {
    const auto process = by_inode_->owner_of(socket.inode);
    if (!process) continue;
    HeldSockets& held = seen_[{static_cast<std::uint32_t>(*process), socket.netns}];
    if (socket.protocol == Protocol::udp) {
      ++held.udp;
    } else {
      ++held.tcp[static_cast<std::size_t>(socket.state)];
    }
  }
}

const std::map<Owners::Holder, HeldSockets>& ProcessSockets::held(const Owners& owners) const {
  return owners.counts() ? owners.counts()->held : seen_;
}

void DestinationOwners::prepare(Snapshot& snapshot) {
  by_inode_ = owners_by_inode(snapshot);
  std::erase_if(snapshot.history().destination_comms, [&](const auto& known) {
    return snapshot.started() - known.second.asked > kRemembered;
  });
}

void DestinationOwners::see(std::span<const Socket> sockets) {
  if (by_inode_ == nullptr) return;
  for (const Socket& socket : sockets) {
    if (!is_outgoing(socket)) continue;
    const auto process = by_inode_->owner_of(socket.inode);
    if (!process) continue;
    const SocketGroup group{destination_of(socket), *process};
    const auto known = seen_.find(group);
    if (known != seen_.end()) {
      ++known->second;
    } else if (seen_.size() < kMaxGroups) {
      seen_.emplace(group, 1);
    } else {
      ++left_out_;
    }
  }
}

void DestinationOwners::want(Snapshot& snapshot, const DestinationKey& destination) {
  if (!snapshot.want_owner(destination)) ++left_out_;
}

std::string_view DestinationOwners::comm_of(Snapshot& snapshot, const DestinationKey& destination,
                                            const TcpStates& states) const {
  KnownComm& known = snapshot.history().destination_comms[destination];
  known.asked = snapshot.started();
  const auto& owners = snapshot.owners();
  const Process* const owner = owners ? owner_of(*owners, destination) : nullptr;
  if (owner == nullptr || is_mostly_time_wait(states)) {
    const OpenerLedger* const openers = openers_of(snapshot);
    const Opener* const opener = openers != nullptr ? openers->largest(destination) : nullptr;
    if (opener != nullptr) return known.comm = opener->comm;
  }
  if (owner != nullptr) known.comm = printable_label(owner->comm);
  return known.comm;
}

const Process* DestinationOwners::owner_of(const Owners& owners,
                                           const DestinationKey& destination) const {
  if (owners.counts()) {
    const auto& found = owners.counts()->destinations;
    const auto process = found.find(destination);
    return process != found.end() ? &owners.processes()[process->second] : nullptr;
  }
  const Process* owner = nullptr;
  std::uint32_t most = 0;
  for (auto group = seen_.lower_bound({destination, 0});
       group != seen_.end() && group->first.destination == destination; ++group) {
    if (group->second <= most) continue;
    most = group->second;
    owner = &owners.processes()[group->first.process];
  }
  return owner;
}

void TimeWaitSockets::prepare(Snapshot& snapshot) {
  openers_ = openers_of(snapshot);
}

void TimeWaitSockets::see(std::span<const Socket> sockets) {
  if (openers_ == nullptr || openers_->empty()) return;
  for (const Socket& socket : sockets) {
    if (socket.state != TcpState::time_wait || !is_outgoing(socket)) continue;
    if (std::uint32_t* const count = counts_.find_or_add(destination_of(socket))) ++*count;
  }
}

}  // namespace socket_exporter
