#include "exporter/diagnosis/socket_census.h"

#include <algorithm>
#include <iterator>
#include <numeric>
#include <tuple>

#include "exporter/diagnosis/words.h"

namespace socket_exporter {
namespace {

constexpr std::size_t kShown = 10;  // of each list: more than a screen has room for

// Of a group that is known, or for which there is room; null when there is none.
template <typename Map>
typename Map::mapped_type* entry_of(Map& groups, const typename Map::key_type& key,
                                    std::size_t& room) {
  const auto found = groups.find(key);
  if (found != groups.end()) return &found->second;
  if (room == 0) return nullptr;
  --room;
  return &groups[key];
}

template <typename Map>
void count(Map& groups, const typename Map::key_type& key, std::size_t& room,
           std::uint64_t& left_out) {
  auto* const sockets = entry_of(groups, key, room);
  ++(sockets != nullptr ? *sockets : left_out);
}

template <typename T, typename Less>
void keep_first(std::vector<T>& all, Less less) {
  const auto keep = std::min(all.size(), kShown);
  std::partial_sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(keep), all.end(), less);
  all.erase(all.begin() + static_cast<std::ptrdiff_t>(keep), all.end());
}

std::uint64_t sum(const StateCounts& states) {
  return std::accumulate(states.begin(), states.end(), std::uint64_t{0});
}

bool is_fuller(TupleEntry a, TupleEntry b) {
  const auto rank = [](TupleEntry t) {
    return std::pair(t->second.ports_used, sum(t->second.states));
  };
  return rank(a) != rank(b) ? rank(a) > rank(b) : a->first < b->first;
}

std::uint32_t silent_sockets(TupleEntry tuple) {
  return count_of(tuple->second.states, TcpState::syn_sent);
}

// How many destinations the source has, and which has the most sockets.
void find_destination(SeenSource& source, std::span<const TupleEntry> tuples) {
  std::uint64_t most = 0;
  for (const TupleEntry tuple : tuples) {
    const auto& [key, use] = *tuple;
    if (key.source != source.address) continue;
    ++source.destinations;
    const std::uint64_t sockets = sum(use.states);
    const auto is_less = std::tie(key.destination, key.destination_port) <
                         std::tie(source.destination, source.destination_port);
    if (sockets < most || (sockets == most && !is_less)) continue;
    most = sockets;
    source.destination = key.destination;
    source.destination_port = key.destination_port;
  }
}

}  // namespace

ProcessName name_of(const Owners& owners, std::size_t process) {
  if (process >= owners.processes().size()) return {};
  const Process& found = owners.processes()[process];
  return {found.pid, printable(found.comm), found.workload};
}

std::size_t SocketCensus::AddressHash::operator()(const IpAddress& address) const {
  return hash_mix(hash_of(address));
}

std::size_t SocketCensus::GroupHash::operator()(const Group& group) const {
  return hash_mix(hash_of(group.address) ^
                  ((std::uint64_t{group.process} << 17U) | (std::uint64_t{group.port} << 1U) |
                   (group.inbound ? 1U : 0U)));
}

SocketCensus::SocketCensus(const Owners& owners, const PortSpace& ports, CensusRoom& room)
    : owners_(owners), ports_(ports), room_(room) {
  seen_.reuse = ports.reuse;
  seen_.port_min = ports.min;
  seen_.port_max = ports.max;
  seen_.reserved = ports.reserved;
}

void SocketCensus::see(std::span<const Socket> sockets) {
  const std::size_t unknown = owners_.processes().size();
  for (const Socket& socket : sockets) {
    const std::size_t process = owners_.owner_of(socket.inode).value_or(unknown);
    if (socket.protocol == Protocol::tcp) {
      see_tcp(socket, process);
    } else {
      see_udp(socket, process);
    }
  }
}

void SocketCensus::see_tcp(const Socket& socket, std::size_t process) {
  ++seen_.states[static_cast<std::size_t>(socket.state)];
  ++processes_[process].tcp[static_cast<std::size_t>(socket.state)];
  if (is_in_range(socket)) see_in_range(socket, process);
  if (socket.state == TcpState::listen) {
    seen_.listeners.push_back(
        {socket.local, socket.local_port, socket.receive_queue, socket.send_queue, name(process)});
    return;
  }
  const Group group = socket.inbound ? Group{process, socket.local, socket.local_port, true}
                                     : Group{process, socket.remote, socket.remote_port, false};
  if (socket.state == TcpState::close_wait) {
    count(close_wait_, group, room_.close_waits, seen_.left_out.close_waits);
  }
  if (is_known(process) && !socket.inbound)
    count(outgoing_, group, room_.outgoing, seen_.left_out.peers);
}

void SocketCensus::see_in_range(const Socket& socket, std::size_t process) {
  const auto state = static_cast<std::size_t>(socket.state);
  ++seen_.in_range;
  ++seen_.range_states[state];
  count_source(sources_, socket, process);
  if (!socket.port_bound && gives_port_back(socket, ports_)) {
    ++seen_.given_back;
    return;
  }
  if (!ports_.candidates.test(socket.local_port)) return;
  if (!kept_) kept_ = std::make_unique<PortSet>();
  kept_->set(socket.local_port);
  // An accepted socket has the port of its listener, which counts.
  if (!socket.port_bound || socket.inbound) return;
  ++seen_.bound_states[state];
  hold(bound_held_, socket, process);
}

void SocketCensus::see_udp(const Socket& socket, std::size_t process) {
  ++seen_.udp;
  ++processes_[process].udp;
  if (!is_in_range(socket)) return;
  ++seen_.udp_in_range;
  count_source(udp_sources_, socket, process);
  hold(udp_held_, socket, process);
}

bool SocketCensus::is_in_range(const Socket& socket) const {
  return socket.local_port >= seen_.port_min && socket.local_port <= seen_.port_max;
}

void SocketCensus::hold(HeldPorts& ports, const Socket& socket, std::size_t process) const {
  if (is_known(process) && ports_.candidates.test(socket.local_port)) {
    ports[process].insert(socket.local_port);
  }
}

void SocketCensus::count_source(Sources& sources, const Socket& socket, std::size_t process) {
  Source* const source = entry_of(sources, socket.local, room_.sources);
  if (source == nullptr) {
    ++seen_.left_out.sources;
    return;
  }
  ++source->sockets;
  if (is_known(process)) ++source->processes[process];
}

SeenSockets SocketCensus::finish(const PortUsage& usage, std::span<const TupleEntry> tuples,
                                 const NetNs& ns, const ServiceMap& services) && {
  seen_.tcp_ports = usage.use(ns, Protocol::tcp);
  seen_.udp_ports = usage.use(ns, Protocol::udp);
  seen_.tcp_kept = kept_ ? static_cast<std::uint32_t>(kept_->count()) : 0;
  seen_.bound_holder = largest_holder(bound_held_);
  seen_.udp_holder = largest_holder(udp_held_);
  seen_.left_out.tuples = usage.uncounted_sockets(ns);
  add_tuples(tuples, services);
  seen_.sources = largest_sources(sources_, tuples);
  seen_.udp_sources = largest_sources(udp_sources_, {});
  seen_.processes = largest_processes();
  seen_.close_waits = largest_close_waits();
  keep_first(seen_.listeners, [](const SeenListener& a, const SeenListener& b) {
    const auto rank = [](const SeenListener& l) { return std::tuple(l.used_percent(), l.waiting); };
    if (rank(a) != rank(b)) return rank(a) > rank(b);
    return std::tie(a.port, a.address) < std::tie(b.port, b.address);
  });
  return std::move(seen_);
}

// TIME_WAIT sockets have no owner, so who else talks to their peer stands for them.
std::map<SocketCensus::Peer, std::size_t> SocketCensus::processes_of_peers() const {
  std::map<Peer, std::size_t> processes;
  std::map<Peer, std::uint64_t> most;
  for (const auto& [group, sockets] : outgoing_) {
    const Peer peer{group.address, group.port};
    if (sockets < most[peer]) continue;
    if (sockets == most[peer] && processes.contains(peer) && processes[peer] < group.process) {
      continue;
    }
    most[peer] = sockets;
    processes[peer] = group.process;
  }
  return processes;
}

void SocketCensus::add_tuples(std::span<const TupleEntry> tuples, const ServiceMap& services) {
  std::vector<TupleEntry> entries(tuples.begin(), tuples.end());
  const auto processes = processes_of_peers();
  const auto to_seen = [&](TupleEntry entry) -> SeenTuple {
    const TupleKey& key = entry->first;
    const auto process = processes.find({key.destination, key.destination_port});
    return {key, entry->second, printable(services.name_of(key.destination, key.destination_port)),
            process != processes.end() ? name(process->second) : ProcessName{}};
  };
  const auto silent = std::max_element(entries.begin(), entries.end(), [](auto a, auto b) {
    return silent_sockets(a) < silent_sockets(b);
  });
  if (silent != entries.end() && silent_sockets(*silent) > 0) seen_.silent = to_seen(*silent);
  seen_.tuple_count = entries.size();
  keep_first(entries, is_fuller);
  std::transform(entries.begin(), entries.end(), std::back_inserter(seen_.tuples), to_seen);
}

SeenHolder SocketCensus::largest_holder(const HeldPorts& ports) const {
  const auto most = std::max_element(ports.begin(), ports.end(), [](const auto& a, const auto& b) {
    return a.second.size() < b.second.size();
  });
  if (most == ports.end()) return {};
  return {name(most->first), most->second.size()};
}

std::vector<SeenSource> SocketCensus::largest_sources(const Sources& groups,
                                                      std::span<const TupleEntry> tuples) const {
  std::vector<SeenSource> sources;
  for (const auto& [address, source] : groups) {
    SeenSource seen;
    seen.address = address;
    seen.sockets = source.sockets;
    const auto most =
        std::max_element(source.processes.begin(), source.processes.end(),
                         [](const auto& a, const auto& b) { return a.second < b.second; });
    if (most != source.processes.end()) seen.process = name(most->first);
    sources.push_back(std::move(seen));
  }
  keep_first(sources, [](const SeenSource& a, const SeenSource& b) {
    return a.sockets != b.sockets ? a.sockets > b.sockets : a.address < b.address;
  });

  for (SeenSource& source : sources) find_destination(source, tuples);
  return sources;
}

std::vector<SeenProcess> SocketCensus::largest_processes() const {
  std::vector<SeenProcess> processes;
  for (const auto& [process, counts] : processes_) {
    if (!is_known(process)) continue;
    SeenProcess seen;
    seen.tcp = counts.tcp;
    seen.udp = counts.udp;
    seen.process = name(process);
    seen.open_fds = owners_.processes()[process].open_fds;
    seen.fds_limit = owners_.processes()[process].fds_limit;
    processes.push_back(std::move(seen));
  }
  keep_first(processes, [](const SeenProcess& a, const SeenProcess& b) {
    return a.sockets() != b.sockets() ? a.sockets() > b.sockets() : a.process.pid < b.process.pid;
  });
  return processes;
}

std::vector<SeenCloseWait> SocketCensus::largest_close_waits() const {
  std::map<std::size_t, SeenCloseWait> by_process;
  std::map<std::size_t, std::uint64_t> largest_group;
  for (const auto& [group, sockets] : close_wait_) {
    SeenCloseWait& seen = by_process[group.process];
    if (sockets <= largest_group[group.process]) continue;
    largest_group[group.process] = sockets;
    seen.peer = group.address;
    seen.peer_port = group.port;
    seen.inbound = group.inbound;
  }
  std::vector<SeenCloseWait> close_waits;
  for (auto& [process, seen] : by_process) {
    seen.process = name(process);
    seen.close_wait = count_of(processes_.at(process).tcp, TcpState::close_wait);
    seen.connections = open_connections(processes_.at(process).tcp);
    close_waits.push_back(std::move(seen));
  }
  keep_first(close_waits, [](const SeenCloseWait& a, const SeenCloseWait& b) {
    return a.close_wait != b.close_wait ? a.close_wait > b.close_wait
                                        : a.process.pid < b.process.pid;
  });
  return close_waits;
}

}  // namespace socket_exporter
