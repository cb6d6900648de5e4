#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>

#include "collectors/base/bounded_table.h"
#include "collectors/base/port_set.h"
#include "collectors/history.h"
#include "collectors/kernel/socket.h"
#include "collectors/snapshot.h"

namespace socket_exporter {

/// Which local ports a namespace gives to connect(), from its sysctls.
struct PortSpace {
  /// When a TIME_WAIT socket gives its port back to a new connection of its tuple (tcp_tw_reuse).
  enum class Reuse { never, loopback, always };

  std::uint16_t min = 0;
  std::uint16_t max = 0;
  std::uint32_t reserved = 0;  ///< ports of the range that ip_local_reserved_ports takes out
  PortSet candidates;          ///< the range less the reserved ports
  Reuse reuse = Reuse::never;
  std::chrono::milliseconds reuse_delay{1000};

  std::uint32_t ports() const { return static_cast<std::uint32_t>(max - min) + 1; }
};

/// Reads range, reserved ports and reuse rules of a namespace; shared with all that have the same.
Result<std::shared_ptr<const PortSpace>> read_port_space(Snapshot& snapshot, const NetNs& ns);

/// Whether a new connection of the same tuple gets the socket's port: TIME_WAIT under tcp_tw_reuse.
bool gives_port_back(const Socket& socket, const PortSpace& space);

/// The TCP sockets of one tuple that hold a port of the range.
struct TupleUse {
  std::uint32_t ports_used = 0;  ///< distinct ports that a new connect() of the tuple cannot take
  std::array<std::uint32_t, kTcpStates> states{};
};

/// The ports of one namespace and protocol. used(tuple) / usable is how full a tuple is.
struct PortUse {
  std::uint32_t usable = 0;     ///< ports that connect() may ever take
  std::uint32_t used = 0;       ///< distinct unreserved ports of the range that any socket holds
  std::uint32_t tuple_max = 0;  ///< ports used of the fullest tuple
};

/// Counts who holds ephemeral ports, by the rules of connect() (__inet_hash_connect in
/// net/ipv4/inet_hashtables.c). Lives for one scan; one thread.
class PortUsage {
 public:
  struct TupleHash {
    std::size_t operator()(const TupleKey& key) const;
  };
  /// Tuples told apart; 65,536 take 8 MiB. Heavy tuples are spread over the whole scan, so
  /// they are met before the table is full.
  static constexpr std::size_t kMaxTuples = 65536;
  using TupleTable = BoundedTable<TupleKey, TupleUse, TupleHash, kMaxTuples>;
  using Tuples = TupleTable::Map;

  void add_namespace(const NetNs& ns, std::shared_ptr<const PortSpace> space);
  void see(std::span<const Socket> sockets);

  bool has(const NetNs& ns) const { return holders_.contains(ns.inode); }
  const PortSpace& space(const NetNs& ns) const { return *holders_.at(ns.inode).space; }
  PortUse use(const NetNs& ns, Protocol protocol) const;
  const Tuples& tuples() const { return tuples_.entries(); }
  std::uint64_t uncounted_sockets() const { return uncounted_; }  ///< of tuples beyond the table
  std::uint64_t uncounted_sockets(const NetNs& ns) const { return holders_.at(ns.inode).uncounted; }

 private:
  /// A namespace's ports in use, once there is one: most namespaces of a host are empty.
  class Ports {
   public:
    void set(std::uint16_t port);
    std::uint32_t count() const;

   private:
    std::unique_ptr<PortSet> set_;
  };
  struct Holders {
    std::shared_ptr<const PortSpace> space;
    Ports tcp_used;
    Ports tcp_bound;
    Ports udp_used;
    std::uint32_t tuple_max = 0;
    std::uint64_t uncounted = 0;
  };

  void see_outgoing(const Socket& socket, Holders& ports);

  std::unordered_map<std::uint32_t, Holders> holders_;
  TupleTable tuples_;
  std::uint64_t uncounted_ = 0;
};

}  // namespace socket_exporter
