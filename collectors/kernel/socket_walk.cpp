#include "collectors/kernel/socket_walk.h"

#include <bpf/bpf.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <type_traits>
#include <vector>

#include "collectors/bpf/socket_walk.h"
#include "collectors/kernel/bpf_program.h"
#include "collectors/kernel/units.h"

// After the records that they hold.
#include "bound_walk.skel.h"
#include "tcp_walk.skel.h"
#include "udp_walk.skel.h"

namespace socket_exporter {
namespace {

static_assert(sizeof(sx_socket_record) == 64 && std::is_trivially_copyable_v<sx_socket_record>);
static_assert(sizeof(sx_walk_run) == 64 && std::is_trivially_copyable_v<sx_walk_run>);
static_assert(WalkFilter::kAll == SX_ALL_NETNS);

// A chain that still changes after so many looks is no chain.
constexpr int kMostLooks = 1000;
// Small enough to be still in the cache when the collectors see them.
constexpr std::size_t kBatch = 256;
constexpr auto kNanosPerMilli = std::uint64_t{1'000'000};

// Writes each member in its place: a copy of what was just written costs as much as all else.
void fill(Socket& socket, const sx_socket_record& record, Protocol protocol,
          std::uint64_t nanos_per_jiffy) {
  const bool is_v6 = record.family == AF_INET6;
  socket.protocol = protocol;
  socket.family = is_v6 ? Family::ipv6 : Family::ipv4;
  socket.local = is_v6 ? ipv6_address(record.local) : ipv4_address(record.local[0]);
  socket.remote = is_v6 ? ipv6_address(record.remote) : ipv4_address(record.remote[0]);
  socket.local_port = record.local_port;
  socket.remote_port = ntohs(record.remote_port);
  socket.netns = record.netns;
  socket.inode = record.inode;
  socket.receive_queue = record.receive_queue;
  socket.send_queue = record.send_queue;
  socket.state = static_cast<TcpState>(record.state);
  socket.time_wait_left = std::chrono::duration<std::uint32_t, std::milli>(
      record.jiffies_left * nanos_per_jiffy / kNanosPerMilli);
}

/// A program of a table, and where it puts its records.
struct Walker {
  const bpf_program* program;
  const sx_socket_record* records;
  std::size_t room;           ///< for so many of them
  const std::uint32_t* torn;  ///< buckets to read anew; none where the program does that itself
  Protocol protocol = Protocol::tcp;
};

Result<> run_once(const Walker& walker, sx_walk_run& run) {
  bpf_test_run_opts options{};
  options.sz = sizeof options;
  options.ctx_in = &run;
  options.ctx_size_in = sizeof run;
  const int result = bpf_prog_test_run_opts(bpf_program__fd(walker.program), &options);
  if (result < 0) return BpfProgram<tcp_walk_bpf>::bpf_error("run", -result);
  return {};
}

}  // namespace

class SocketWalk::Programs {
 public:
  Programs(BpfProgram<tcp_walk_bpf> tcp, BpfProgram<bound_walk_bpf> bound,
           BpfProgram<udp_walk_bpf> udp, std::uint64_t nanos_per_jiffy)
      : tcp_(std::move(tcp)),
        bound_(std::move(bound)),
        udp_(std::move(udp)),
        nanos_per_jiffy_(nanos_per_jiffy) {
    batch_.reserve(kBatch);
  }

  Walker established() { return tcp_walker(tcp_->progs.walk_established); }
  Walker listeners() { return tcp_walker(tcp_->progs.walk_listeners); }
  Walker bound() {
    return {bound_->progs.walk_bound, bound_->bss->records, SX_PORT_RECORDS, nullptr};
  }
  Walker udp() {
    return {udp_->progs.walk_udp, udp_->bss->records, SX_PORT_RECORDS, nullptr, Protocol::udp};
  }

  Result<WalkStats> walk(const Walker& walker, const sx_walk_run& request, Deadline deadline,
                         const PortSink& ports, const Sink& sink) {
    WalkStats stats;
    sx_walk_run run = request;
    do {
      if (std::chrono::steady_clock::now() >= deadline) {
        return Error{Error::Kind::timeout, "bpf: deadline passed during the walk"};
      }
      const std::uint32_t start = run.next;
      run = request;
      run.start = start;
      run.sockets = SX_SOCKETS_PER_RUN;
      if (const auto ran = run_once(walker, run); !ran) return ran.error();
      if (run.next == start) return too_long(walker, run.buckets);
      stats.sockets += run.visited;
      stats.restarts += run.restarts + run.torn;
      stats.unread_ports += run.unread_ports;
      const std::vector<std::uint32_t> torn(walker.torn, walker.torn + run.torn);
      hand_over({walker.records, run.records}, torn, walker.protocol, ports, sink);
      for (const std::uint32_t bucket : torn) {
        const auto one = walk_one(walker, request, bucket, ports, sink);
        if (!one) return one.error();
        stats.sockets += one->sockets;
        stats.restarts += one->restarts;
      }
    } while (run.next < run.buckets);
    return stats;
  }

 private:
  Walker tcp_walker(const bpf_program* program) {
    return {program, tcp_->bss->records, SX_SOCKET_RECORDS, tcp_->bss->torn};
  }

  static Error too_long(const Walker& walker, std::uint32_t buckets) {
    return {Error::Kind::unavailable,
            fmt::format("bpf: over {} sockets in one bucket of {}", walker.room, buckets)};
  }

  // A chain may have had no room beside seven others, but has alone.
  Result<WalkStats> walk_one(const Walker& walker, const sx_walk_run& request, std::uint32_t bucket,
                             const PortSink& ports, const Sink& sink) {
    for (int looks = 1; looks <= kMostLooks; ++looks) {
      sx_walk_run run = request;
      run.start = bucket;
      run.only_start = 1;
      run.sockets = SX_SOCKETS_PER_RUN;
      if (const auto ran = run_once(walker, run); !ran) return ran.error();
      if (run.unfinished != 0) return too_long(walker, run.buckets);
      if (run.torn != 0) continue;
      hand_over({walker.records, run.records}, {}, walker.protocol, ports, sink);
      return WalkStats{run.visited, static_cast<std::uint64_t>(looks - 1), 0};
    }
    return Error{Error::Kind::io, fmt::format("bpf: bucket {} changed during each look", bucket)};
  }

  void hand_over(std::span<const sx_socket_record> rest, std::span<const std::uint32_t> torn,
                 Protocol protocol, const PortSink& ports, const Sink& sink) {
    const auto is_torn = [&](const sx_socket_record& record) {
      return std::find(torn.begin(), torn.end(), record.bucket) != torn.end();
    };
    while (!rest.empty()) {
      batch_.clear();
      for (const sx_socket_record& record : rest.first(std::min(kBatch, rest.size()))) {
        if (!is_torn(record)) take(record, protocol, ports);
      }
      if (!batch_.empty()) sink(batch_);
      rest = rest.subspan(std::min(kBatch, rest.size()));
    }
  }

  // A state beyond all is a socket whose memory was given away while it was read.
  void take(const sx_socket_record& record, Protocol protocol, const PortSink& ports) {
    if (record.state == SX_BOUND_PORT) {
      if (ports) ports(record.netns, record.local_port);
    } else if (record.state < kTcpStates) {
      fill(batch_.emplace_back(), record, protocol, nanos_per_jiffy_);
    }
  }

  BpfProgram<tcp_walk_bpf> tcp_;
  BpfProgram<bound_walk_bpf> bound_;
  BpfProgram<udp_walk_bpf> udp_;
  std::uint64_t nanos_per_jiffy_;
  std::vector<Socket> batch_;
};

SocketWalk::SocketWalk(std::unique_ptr<Programs> programs) : programs_(std::move(programs)) {}
SocketWalk::SocketWalk(SocketWalk&&) noexcept = default;
SocketWalk& SocketWalk::operator=(SocketWalk&&) noexcept = default;
SocketWalk::~SocketWalk() = default;

Result<SocketWalk> SocketWalk::open() {
  const auto tick = nanos_per_jiffy();
  if (!tick) return tick.error();
  auto tcp = BpfProgram<tcp_walk_bpf>::load();
  if (!tcp) return tcp.error();
  auto bound = BpfProgram<bound_walk_bpf>::load();
  if (!bound) return bound.error();
  auto udp = BpfProgram<udp_walk_bpf>::load();
  if (!udp) return udp.error();
  SocketWalk walk(
      std::make_unique<Programs>(std::move(*tcp), std::move(*bound), std::move(*udp), *tick));
  sx_walk_run trial{};
  if (const auto ran = run_once(walk.programs_->established(), trial); !ran) {
    return ran.error();
  }
  return walk;
}

Result<WalkStats> SocketWalk::sockets(const SocketTable& table, const WalkFilter& filter,
                                      Deadline deadline, const Sink& sink) {
  sx_walk_run request{};
  request.table = table.address;
  request.mask = table.buckets - 1;
  request.netns = filter.netns;
  request.details = filter.inodes ? 1 : 0;
  const bool is_udp = table.protocol == Protocol::udp;
  return programs_->walk(is_udp ? programs_->udp() : programs_->established(), request, deadline,
                         {}, sink);
}

Result<WalkStats> SocketWalk::listeners(const WalkFilter& filter, Deadline deadline,
                                        const Sink& sink) {
  sx_walk_run request{};
  request.netns = filter.netns;
  request.details = 1;
  return programs_->walk(programs_->listeners(), request, deadline, {}, sink);
}

Result<WalkStats> SocketWalk::bound(const WalkFilter& filter, Deadline deadline,
                                    const PortSink& ports, const Sink* sockets) {
  sx_walk_run request{};
  request.netns = filter.netns;
  request.details = sockets != nullptr ? 1 : 0;
  const Sink none = [](std::span<Socket>) {};
  return programs_->walk(programs_->bound(), request, deadline, ports,
                         sockets != nullptr ? *sockets : none);
}

}  // namespace socket_exporter
