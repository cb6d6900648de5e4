#pragma once

#include <string_view>

#include "exporter/diagnosis/report.h"
#include "tests/fake_kernel.h"

namespace socket_exporter {

inline const IpAddress kHere = *parse_address("10.0.0.5");
inline const IpAddress kThere = *parse_address("10.1.2.3");

/// That many times connect(), and TIME_WAIT after a short life, in two seconds.
inline SeenOpener opener(std::string comm, std::uint32_t pid, std::uint64_t attempts,
                         std::uint64_t no_port = 0) {
  SeenOpener made{{pid, std::move(comm), {}}, {}};
  made.counts.counters[SX_ATTEMPTS] = attempts;
  made.counts.counters[SX_FAILED_NO_PORT] = no_port;
  for (const auto counter : {SX_CLOSED_ACTIVE, SX_SHORT_LIVED, SX_TIME_WAIT}) {
    made.counts.counters[counter] = attempts - no_port;
  }
  return made;
}

/// A host with 100 ephemeral ports, 20000 to 20099, of which one is reserved, and two processes:
/// 0 is nginx (pid 42), 1 has a name that would clear a terminal (pid 43).
class KnownHost : public FakeKernel {
 public:
  KnownHost() {
    proc_files = {{"sys/net/ipv4/ip_local_port_range", "20000\t20099\n"},
                  {"sys/net/ipv4/ip_local_reserved_ports", "20099\n"},
                  {"sys/net/ipv4/tcp_tw_reuse", "0\n"},
                  {"sys/net/ipv4/tcp_timestamps", "1\n"},
                  {"sys/net/ipv4/tcp_fin_timeout", "60\n"},
                  {"sys/net/ipv4/tcp_max_tw_buckets", "1000\n"},
                  {"sys/net/ipv4/tcp_max_orphans", "1000\n"},
                  {"sys/net/core/somaxconn", "128\n"},
                  {"sys/net/ipv4/ip_default_ttl", "64\n"},
                  {"sys/fs/file-nr", "500\t0\t100000\n"},
                  {"net/sockstat", "sockets: used 1\nTCP: inuse 1 orphan 3 tw 0 alloc 1 mem 0\n"},
                  {"net/netstat", "TcpExt: ListenOverflows ListenDrops\nTcpExt: 7 9\n"}};
    give_descriptors(10, 1000);
  }

  std::uint32_t added_to = 1;  ///< namespace of the sockets that are added

  /// So many sockets of that tuple, each with a port of its own; `process` owns them.
  void add_outgoing(int count, TcpState state, std::uint32_t process = 0,
                    const IpAddress& destination = kThere) {
    for (int i = 0; i < count; ++i) {
      Socket socket{.local = kHere, .remote = destination, .netns = added_to};
      socket.local_port = next_port_[added_to]++;
      socket.remote_port = 443;
      socket.state = state;
      if (state != TcpState::time_wait) own(socket, process);
      sockets.push_back(socket);
    }
  }

  /// So many UDP sockets, each with a port of its own.
  void add_udp(int count, std::uint32_t process = 0) {
    for (int i = 0; i < count; ++i) {
      Socket socket{.local = kHere, .remote = kThere, .netns = added_to};
      socket.protocol = Protocol::udp;
      socket.local_port = next_udp_port_[added_to]++;
      socket.remote_port = 53;
      socket.state = TcpState::established;
      own(socket, process);
      sockets.push_back(socket);
    }
  }

  /// So many sockets that bind() gave a port each, and nothing since.
  void add_bound(int count, std::uint32_t process = 0) {
    add_outgoing(count, TcpState::close, process);
    for (Socket& socket : sockets) socket.port_bound |= socket.state == TcpState::close;
  }

  void add_listener(std::uint16_t port, std::uint32_t waiting, std::uint32_t limit) {
    Socket socket{.local = *parse_address("0.0.0.0"), .netns = added_to};
    socket.receive_queue = waiting;
    socket.send_queue = limit;
    socket.local_port = port;
    socket.state = TcpState::listen;
    socket.port_bound = true;
    own(socket, 0);
    sockets.push_back(socket);
  }

  /// Descriptors that nginx has open, and its limit.
  void give_descriptors(std::uint64_t open, std::optional<std::uint64_t> limit) {
    open_ = open;
    limit_ = limit;
    refresh();
  }

  /// Where nginx runs.
  void put_nginx(std::uint32_t inode, Workload workload) {
    nginx_netns_ = inode;
    nginx_workload_ = std::move(workload);
    netns_of_pid[42] = inode;
    refresh();
  }

  /// Processes whose descriptors may not be looked at.
  void hide_processes(std::uint64_t count) {
    unreadable_ = count;
    refresh();
  }

  /// What `use` returns, called with a snapshot of this host.
  template <typename Use>
  auto with_snapshot(const ServiceMap& services, const Use& use) {
    const CollectorOptions options{.netstat_fields = *FieldFilter::compile("")};
    History history;
    Snapshot snapshot(*this, netns, std::chrono::steady_clock::now() + std::chrono::seconds(30),
                      options, services, history);
    return use(snapshot);
  }

  /// Of its first namespace.
  Inspection inspect_all() {
    const ServiceMap services({{*parse_cidr("10.1.0.0/16"), 443, "payments"}});
    return with_snapshot(services, [&](Snapshot& snapshot) {
      return inspect(*this, snapshot, {&snapshot.host(), 1}, {true, true, true, true}).front();
    });
  }

  /// The same after two seconds in which these opened connections to kThere.
  Inspection inspect_watched(std::vector<SeenOpener> openers,
                             std::optional<std::chrono::duration<double>> lifetime = {}) {
    Inspection seen = inspect_all();
    seen.watch = SeenWatch{std::chrono::seconds(2), {}, {}};
    SeenOpenings openings{{kThere, 443}, "payments", {}, lifetime, std::move(openers)};
    for (const SeenOpener& opener : openings.openers) {
      openings.counts.add(opener.counts);
      seen.watch->all.add(opener.counts);
    }
    if (!openings.openers.empty()) seen.watch->openings.push_back(std::move(openings));
    return seen;
  }

  std::vector<Inspection> inspect_everywhere() {
    return with_snapshot({}, [&](Snapshot& snapshot) {
      return inspect(*this, snapshot, snapshot.scanned_namespaces(), {true, true, true, true});
    });
  }

  std::vector<Report> report_everywhere() {
    return with_snapshot({}, [&](Snapshot& snapshot) {
      return make_reports(*this, snapshot, snapshot.scanned_namespaces(), {}, nullptr);
    });
  }

  /// In every namespace, worst first.
  std::vector<CheckRun> run_everywhere(std::string_view check) {
    return with_snapshot({}, [&](Snapshot& snapshot) {
      return perform_check(*find_check(check), {}, *this, snapshot, snapshot.scanned_namespaces());
    });
  }

  CheckRun run(std::string_view check, const Thresholds& thresholds = {}) {
    return with_snapshot({}, [&](Snapshot& snapshot) {
      return perform_check(*find_check(check), thresholds, *this, snapshot, {&snapshot.host(), 1})
          .front();
    });
  }

 private:
  void own(Socket& socket, std::uint32_t process) {
    socket.inode = next_inode_++;
    held_.push_back({socket.inode, process});
    refresh();
  }

  void refresh() {
    owners = Owners({{42, "nginx", open_, limit_, nginx_netns_, nginx_workload_},
                     {43, "\x1b[2J|evil\n", 5, 1000}},
                    held_, unreadable_);
  }

  /// The next port of a namespace.
  struct Port {
    std::uint16_t number = 20000;
    std::uint16_t operator++(int) { return number++; }
  };
  std::map<std::uint32_t, Port> next_port_;
  std::map<std::uint32_t, Port> next_udp_port_;
  std::uint32_t next_inode_ = 500;
  std::uint32_t nginx_netns_ = 0;
  Workload nginx_workload_;
  std::uint64_t open_ = 0;
  std::uint64_t unreadable_ = 1;
  std::optional<std::uint64_t> limit_;
  std::vector<Owners::SocketOwner> held_;
};

}  // namespace socket_exporter
