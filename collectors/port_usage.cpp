#include "collectors/port_usage.h"

#include <algorithm>

#include "collectors/kernel/sys_net.h"

namespace socket_exporter {
namespace {

// The kernel reuses a TIME_WAIT port only where timestamps protect the new connection
// (tcp_twsk_unique, net/ipv4/tcp_ipv4.c).
PortSpace::Reuse reuse_of(std::int64_t tw_reuse, std::int64_t timestamps) {
  if (timestamps == 0 || tw_reuse == 0) return PortSpace::Reuse::never;
  return tw_reuse == 1 ? PortSpace::Reuse::always : PortSpace::Reuse::loopback;
}

bool gives_port_back(const Socket& socket, const PortSpace& space) {
  using std::chrono::milliseconds;
  constexpr milliseconds kTimeWait{60'000};  // TCP_TIMEWAIT_LEN, not tunable
  if (socket.state != TcpState::time_wait) return false;
  if (kTimeWait - milliseconds(socket.time_wait_left) <= space.reuse_delay) return false;
  if (space.reuse == PortSpace::Reuse::always) return true;
  return space.reuse == PortSpace::Reuse::loopback &&
         (socket.local.is_loopback() || socket.remote.is_loopback());
}

Result<> set_candidates(Snapshot& snapshot, const NetNs& ns, PortSpace& space) {
  const auto& range_text = snapshot.proc(ns, "sys/net/ipv4/ip_local_port_range");
  if (!range_text) return range_text.error();
  const auto local = parse_port_range(*range_text);
  if (!local) return local.error();
  const auto& reserved_text = snapshot.proc(ns, "sys/net/ipv4/ip_local_reserved_ports");
  if (!reserved_text) return reserved_text.error();
  const auto reserved = parse_reserved_ports(*reserved_text);
  if (!reserved) return reserved.error();

  space.min = local->min;
  space.max = local->max;
  for (std::uint32_t port = space.min; port <= space.max; ++port) space.candidates.set(port);
  for (const auto& block : *reserved) {
    for (std::uint32_t port = block.min; port <= block.max; ++port) space.candidates.reset(port);
  }
  space.reserved = space.ports() - static_cast<std::uint32_t>(space.candidates.count());
  return {};
}

}  // namespace

Result<std::unique_ptr<PortSpace>> read_port_space(Snapshot& snapshot, const NetNs& ns) {
  auto space = std::make_unique<PortSpace>();
  if (const auto set = set_candidates(snapshot, ns, *space); !set) return set.error();
  const auto tw_reuse = snapshot.sysctl(ns, "sys/net/ipv4/tcp_tw_reuse");
  if (!tw_reuse) return tw_reuse.error();
  const auto timestamps = snapshot.sysctl(ns, "sys/net/ipv4/tcp_timestamps");
  if (!timestamps) return timestamps.error();
  space->reuse = reuse_of(*tw_reuse, *timestamps);
  // Since Linux 6.13; a constant second before.
  if (const auto delay = snapshot.sysctl(ns, "sys/net/ipv4/tcp_tw_reuse_delay")) {
    space->reuse_delay = std::chrono::milliseconds(*delay);
  }
  return space;
}

std::size_t PortUsage::TupleHash::operator()(const TupleKey& key) const {
  const auto rest = (std::uint64_t{key.netns} << 32U) |
                    (std::uint64_t{key.destination_port} << 1U) |
                    (key.protocol == Protocol::udp ? 1U : 0U);
  return hash_mix(hash_of(key.source) + hash_mix(hash_of(key.destination) ^ rest));
}

void PortUsage::add_namespace(const NetNs& ns, std::unique_ptr<PortSpace> space) {
  holders_[ns.inode].space = std::move(space);
}

void PortUsage::see(std::span<const Socket> sockets) {
  auto holder = holders_.end();
  for (const Socket& socket : sockets) {
    if (holder == holders_.end() || holder->first != socket.netns) {
      holder = holders_.find(socket.netns);
    }
    if (holder == holders_.end()) continue;
    Holders& ports = holder->second;
    if (!ports.space->candidates.test(socket.local_port)) continue;
    if (socket.protocol == Protocol::udp) {
      ports.udp_used.set(socket.local_port);
      continue;
    }
    ports.tcp_used.set(socket.local_port);
    if (socket.port_bound) {
      ports.tcp_bound.set(socket.local_port);
    } else {
      see_outgoing(socket, *ports.space);
    }
  }
}

// Within a tuple every socket has a port of its own: the kernel keeps four-tuples unique.
void PortUsage::see_outgoing(const Socket& socket, const PortSpace& space) {
  const TupleKey key{socket.netns, Protocol::tcp, socket.local, socket.remote, socket.remote_port};
  auto tuple = tuples_.find(key);
  if (tuple == tuples_.end()) {
    if (tuples_.size() >= kMaxTuples) {
      ++uncounted_;
      return;
    }
    tuple = tuples_.emplace(key, TupleUse{}).first;
  }
  ++tuple->second.states[static_cast<std::size_t>(socket.state)];
  if (!gives_port_back(socket, space)) ++tuple->second.ports_used;
}

PortUse PortUsage::use(const NetNs& ns, Protocol protocol) const {
  const Holders& ports = holders_.at(ns.inode);
  const auto candidates = static_cast<std::uint32_t>(ports.space->candidates.count());
  PortUse use;
  if (protocol == Protocol::udp) {
    // A UDP socket takes its port before it knows its peer, so from every destination.
    use.usable = candidates;
    use.used = static_cast<std::uint32_t>(ports.udp_used.count());
    use.tuple_max = use.used;
    return use;
  }
  use.usable = candidates - static_cast<std::uint32_t>(ports.tcp_bound.count());
  use.used = static_cast<std::uint32_t>(ports.tcp_used.count());
  for (const auto& [key, tuple] : tuples_) {
    if (key.netns == ns.inode) use.tuple_max = std::max(use.tuple_max, tuple.ports_used);
  }
  return use;
}

}  // namespace socket_exporter
