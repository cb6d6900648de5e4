#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "collectors/kernel/owners.h"
#include "exporter/diagnosis/inspection.h"

namespace socket_exporter {

/// Printable name, number and workload of `process`, an index of `owners`.
ProcessName name_of(const Owners& owners, std::size_t process);

/// Groups that the censuses of one pass may still tell apart, as many as PortUsage has tuples: what
/// is beyond has no process, and no weight either.
struct CensusRoom {
  std::size_t sources = PortUsage::kMaxTuples;
  std::size_t outgoing = PortUsage::kMaxTuples;
  std::size_t close_waits = PortUsage::kMaxTuples;
};

/// A tuple that PortUsage counted.
using TupleEntry = const PortUsage::Tuples::value_type*;

/// Counts the sockets of one pass by owner, address and listener: what PortUsage does not.
/// For one namespace; `owners`, `ports` and `room` have to outlive it.
class SocketCensus {
 public:
  SocketCensus(const Owners& owners, const PortSpace& ports, CensusRoom& room);

  void see(std::span<const Socket> sockets);

  /// What it saw, joined with what PortUsage saw in the same pass; `tuples` are the namespace's.
  SeenSockets finish(const PortUsage& usage, std::span<const TupleEntry> tuples, const NetNs& ns,
                     const ServiceMap& services) &&;

 private:
  /// Who talks to whom: a peer, or a port of our own where the socket was accepted.
  struct Group {
    std::size_t process;
    IpAddress address;
    std::uint16_t port;
    bool inbound;
    auto operator<=>(const Group&) const = default;
  };
  struct GroupHash {
    std::size_t operator()(const Group& group) const;
  };
  struct AddressHash {
    std::size_t operator()(const IpAddress& address) const;
  };
  struct Source {
    std::uint64_t sockets = 0;
    std::map<std::size_t, std::uint64_t> processes;
  };
  struct Counts {
    StateCounts tcp{};
    std::uint64_t udp = 0;
  };
  using Peer = std::pair<IpAddress, std::uint16_t>;
  using Sources = std::unordered_map<IpAddress, Source, AddressHash>;
  using HeldPorts = std::map<std::size_t, std::set<std::uint16_t>>;  ///< by index of owners_

  void see_tcp(const Socket& socket, std::size_t process);
  void see_in_range(const Socket& socket, std::size_t process);
  void see_udp(const Socket& socket, std::size_t process);
  bool is_in_range(const Socket& socket) const;
  bool is_known(std::size_t process) const { return process < owners_.processes().size(); }
  void count_source(Sources& sources, const Socket& socket, std::size_t process);
  void hold(HeldPorts& ports, const Socket& socket, std::size_t process) const;
  std::map<Peer, std::size_t> processes_of_peers() const;
  void add_tuples(std::span<const TupleEntry> tuples, const ServiceMap& services);
  std::vector<SeenSource> largest_sources(const Sources& groups,
                                          std::span<const TupleEntry> tuples) const;
  SeenHolder largest_holder(const HeldPorts& ports) const;
  std::vector<SeenProcess> largest_processes() const;
  std::vector<SeenCloseWait> largest_close_waits() const;
  ProcessName name(std::size_t process) const { return name_of(owners_, process); }

  const Owners& owners_;
  const PortSpace& ports_;
  CensusRoom& room_;
  SeenSockets seen_;
  std::unordered_map<std::size_t, Counts> processes_;  ///< by index of owners_; one beyond: unknown
  Sources sources_;
  Sources udp_sources_;
  HeldPorts udp_held_;
  HeldPorts bound_held_;
  std::unique_ptr<PortSet> kept_;  ///< ports that a socket keeps; most namespaces have none
  std::unordered_map<Group, std::uint64_t, GroupHash> outgoing_;
  std::map<Group, std::uint64_t> close_wait_;
};

}  // namespace socket_exporter
