#include "collectors/kernel/tcp_walk.h"

#include <bpf/bpf.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <ctime>
#include <type_traits>
#include <vector>

#include "collectors/bpf/tcp_walk.h"
#include "collectors/kernel/bpf_program.h"
#include "tcp_walk.skel.h"

namespace socket_exporter {
namespace {

static_assert(sizeof(sx_tcp_record) == 56 && std::is_trivially_copyable_v<sx_tcp_record>);
static_assert(sizeof(sx_tcp_run) == 32 && std::is_trivially_copyable_v<sx_tcp_run>);

// A run holds a CPU, and 1024 sockets take it a quarter of a millisecond when none is in the cache.
constexpr std::uint32_t kSocketsPerRun = SX_TCP_RECORDS / 2;
// Eight chains at once are worth their overhead when most of them hold something.
constexpr double kLanesFromLoad = 1.5;
// Small enough to be still in the cache when the collectors see them.
constexpr std::size_t kBatch = 256;
constexpr auto kNanosPerMilli = std::uint64_t{1'000'000};

// The resolution of the coarse clocks is the kernel's tick: no configuration file to find.
Result<std::uint64_t> nanos_per_jiffy() {
  timespec tick{};
  if (clock_getres(CLOCK_MONOTONIC_COARSE, &tick) != 0) return errno_error("clock_getres", errno);
  return static_cast<std::uint64_t>(tick.tv_nsec);
}

Socket to_socket(const sx_tcp_record& record, std::uint64_t nanos_per_jiffy) {
  Socket socket;
  const bool is_v6 = record.family == AF_INET6;
  socket.family = is_v6 ? Family::ipv6 : Family::ipv4;
  socket.local = is_v6 ? ipv6_address(record.local) : ipv4_address(record.local[0]);
  socket.remote = is_v6 ? ipv6_address(record.remote) : ipv4_address(record.remote[0]);
  socket.local_port = record.local_port;
  socket.remote_port = ntohs(record.remote_port);
  socket.netns = record.netns;
  socket.receive_queue = record.receive_queue;
  socket.send_queue = record.send_queue;
  socket.state = static_cast<TcpState>(record.state);
  socket.time_wait_left = std::chrono::duration<std::uint32_t, std::milli>(
      record.jiffies_left * nanos_per_jiffy / kNanosPerMilli);
  return socket;
}

}  // namespace

WalkLanes lanes_for(const WalkStats& last) {
  const bool is_full =
      static_cast<double>(last.sockets) > kLanesFromLoad * static_cast<double>(last.buckets);
  return is_full && last.buckets >= SX_TCP_LANES ? WalkLanes::eight : WalkLanes::one;
}

class TcpWalk::Program {
 public:
  Program(BpfProgram<tcp_walk_bpf> program, std::uint64_t nanos_per_jiffy)
      : bpf_(std::move(program)), nanos_per_jiffy_(nanos_per_jiffy) {
    batch_.reserve(kBatch);
  }

  Result<> run(WalkLanes lanes, sx_tcp_run& run) {
    const bpf_program* program =
        lanes == WalkLanes::eight ? bpf_->progs.walk_lanes : bpf_->progs.walk_one;
    bpf_test_run_opts options{};
    options.sz = sizeof options;
    options.ctx_in = &run;
    options.ctx_size_in = sizeof run;
    const int result = bpf_prog_test_run_opts(bpf_program__fd(program), &options);
    if (result < 0) return BpfProgram<tcp_walk_bpf>::bpf_error("run", -result);
    return {};
  }

  void hand_over(std::size_t records, const Sink& sink) {
    std::span<const sx_tcp_record> rest(bpf_->bss->records, records);
    while (!rest.empty()) {
      batch_.clear();
      for (const sx_tcp_record& record : rest.first(std::min(kBatch, rest.size()))) {
        // A number beyond is a socket whose memory was given away while it was read.
        if (record.state != 0 && record.state < kTcpStates) {
          batch_.push_back(to_socket(record, nanos_per_jiffy_));
        }
      }
      sink(batch_);
      rest = rest.subspan(std::min(kBatch, rest.size()));
    }
  }

 private:
  BpfProgram<tcp_walk_bpf> bpf_;
  std::uint64_t nanos_per_jiffy_;
  std::vector<Socket> batch_;
};

TcpWalk::TcpWalk(std::unique_ptr<Program> program) : program_(std::move(program)) {}
TcpWalk::TcpWalk(TcpWalk&&) noexcept = default;
TcpWalk& TcpWalk::operator=(TcpWalk&&) noexcept = default;
TcpWalk::~TcpWalk() = default;

Result<TcpWalk> TcpWalk::open() {
  const auto tick = nanos_per_jiffy();
  if (!tick) return tick.error();
  auto loaded = BpfProgram<tcp_walk_bpf>::load();
  if (!loaded) return loaded.error();
  auto program = std::make_unique<Program>(std::move(*loaded), *tick);
  sx_tcp_run trial{};
  if (const auto ran = program->run(WalkLanes::one, trial); !ran) return ran.error();
  return TcpWalk(std::move(program));
}

Result<WalkStats> TcpWalk::walk(std::uint32_t netns, WalkLanes lanes, Deadline deadline,
                                const Sink& sink) {
  WalkStats stats;
  sx_tcp_run run{};
  do {
    if (std::chrono::steady_clock::now() >= deadline) {
      return Error{Error::Kind::timeout, "bpf: deadline passed during the walk"};
    }
    const std::uint32_t start = run.next;
    run = {};
    run.netns = netns;
    run.start = start;
    run.sockets = kSocketsPerRun;
    if (const auto ran = program_->run(lanes, run); !ran) return ran.error();
    if (run.next == start) {
      // Eight chains may be too long together. One that is too long alone is a table too small.
      if (lanes == WalkLanes::one) {
        return Error{
            Error::Kind::unavailable,
            fmt::format("bpf: over {} sockets in one bucket of {}", SX_TCP_RECORDS, run.buckets)};
      }
      lanes = WalkLanes::one;
      continue;
    }
    stats.sockets += run.visited;
    stats.restarts += run.restarts;
    stats.buckets = run.buckets;
    program_->hand_over(run.records, sink);
  } while (run.next < run.buckets);
  return stats;
}

}  // namespace socket_exporter
