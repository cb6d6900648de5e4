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

Result<> set_candidates(const std::string& range_text, const std::string& reserved_text,
                        PortSpace& space) {
  const auto local = parse_port_range(range_text);
  if (!local) return local.error();
  const auto reserved = parse_reserved_ports(reserved_text);
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

Result<std::shared_ptr<const PortSpace>> read_port_space(Snapshot& snapshot, const NetNs& ns) {
  const auto& range = snapshot.proc(ns, "sys/net/ipv4/ip_local_port_range");
  if (!range) return range.error();
  const auto& reserved = snapshot.proc(ns, "sys/net/ipv4/ip_local_reserved_ports");
  if (!reserved) return reserved.error();
  const auto tw_reuse = snapshot.sysctl(ns, "sys/net/ipv4/tcp_tw_reuse");
  if (!tw_reuse) return tw_reuse.error();
  const auto timestamps = snapshot.sysctl(ns, "sys/net/ipv4/tcp_timestamps");
  if (!timestamps) return timestamps.error();
  // Since Linux 6.13; a constant second before.
  const auto delay = snapshot.sysctl(ns, "sys/net/ipv4/tcp_tw_reuse_delay");

  auto& known = snapshot.history().port_spaces;
  const PortSettings settings{*range, *reserved, *tw_reuse, *timestamps, delay ? *delay : 1000};
  if (const auto found = known.find(settings); found != known.end()) {
    if (auto space = found->second.lock()) return space;
  }
  std::erase_if(known, [](const auto& entry) { return entry.second.expired(); });
  auto space = std::make_shared<PortSpace>();
  if (const auto set = set_candidates(*range, *reserved, *space); !set) return set.error();
  space->reuse = reuse_of(*tw_reuse, *timestamps);
  if (delay) space->reuse_delay = std::chrono::milliseconds(*delay);
  known[settings] = space;
  return std::shared_ptr<const PortSpace>(std::move(space));
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

void PortUsage::Ports::set(std::uint16_t port) {
  if (!set_) set_ = std::make_unique<PortSet>();
  set_->set(port);
}

std::uint32_t PortUsage::Ports::count() const {
  return set_ ? static_cast<std::uint32_t>(set_->count()) : 0;
}

std::size_t PortUsage::TupleHash::operator()(const TupleKey& key) const {
  const auto rest = (std::uint64_t{key.netns} << 32U) |
                    (std::uint64_t{key.destination_port} << 1U) |
                    (key.protocol == Protocol::udp ? 1U : 0U);
  return hash_mix(hash_of(key.source) + hash_mix(hash_of(key.destination) ^ rest));
}

void PortUsage::add_namespace(const NetNs& ns, std::shared_ptr<const PortSpace> space) {
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
      see_outgoing(socket, ports);
    }
  }
}

// Within a tuple every socket has a port of its own: the kernel keeps four-tuples unique.
void PortUsage::see_outgoing(const Socket& socket, Holders& ports) {
  const TupleKey key{socket.netns, Protocol::tcp, socket.local, socket.remote, socket.remote_port};
  TupleUse* const tuple = tuples_.find_or_add(key);
  if (tuple == nullptr) {
    ++uncounted_;
    ++ports.uncounted;
    return;
  }
  ++tuple->states[static_cast<std::size_t>(socket.state)];
  if (gives_port_back(socket, *ports.space)) return;
  ports.tuple_max = std::max(ports.tuple_max, ++tuple->ports_used);
}

PortUse PortUsage::use(const NetNs& ns, Protocol protocol) const {
  const Holders& ports = holders_.at(ns.inode);
  const std::uint32_t candidates = ports.space->ports() - ports.space->reserved;
  if (protocol == Protocol::udp) {
    // A UDP socket takes its port before it knows its peer, so from every destination.
    const std::uint32_t used = ports.udp_used.count();
    return {.usable = candidates, .used = used, .tuple_max = used};
  }
  return {.usable = candidates - ports.tcp_bound.count(),
          .used = ports.tcp_used.count(),
          .tuple_max = ports.tuple_max};
}

}  // namespace socket_exporter
