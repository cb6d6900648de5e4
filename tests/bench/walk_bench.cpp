// How close the walk over the established table comes to what the memory allows: the sockets of
// this host beside objects of our own, as many and in chains as long, read in the same order. And
// for how long a run of each walk holds the CPU at most.
#include <bpf/bpf.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <numeric>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "collectors/bpf/socket_walk.h"
#include "collectors/kernel/bpf_program.h"
#include "collectors/kernel/socket_walk.h"

// After the records that they hold.
#include "bound_walk.skel.h"
#include "tcp_walk.skel.h"
#include "udp_walk.skel.h"

using namespace socket_exporter;

namespace {

constexpr int kRounds = 5;
constexpr std::size_t kLanes = 8;
constexpr std::size_t kLine = 64;
constexpr std::size_t kObjectLines = 38;          // about a struct tcp_sock in its slab
constexpr std::size_t kTouched[] = {0, 1, 2, 5};  // lines that the walk reads of an idle one

double seconds_of(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

double cpu_seconds() {
  return seconds_of(CLOCK_THREAD_CPUTIME_ID);
}

[[noreturn]] void fail(const std::string& what) {
  fmt::print(stderr, "{}\n", what);
  std::exit(1);
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

struct alignas(kLine) Line {
  std::uint32_t next = 0;
  std::uint32_t value = 1;
};

/// Chains of objects at random places, which eight readers follow side by side.
class Chase {
 public:
  explicit Chase(std::size_t objects) : lines_(objects * kObjectLines), objects_(objects) {
    std::vector<std::uint32_t> order(objects);
    std::iota(order.begin(), order.end(), 0U);
    std::shuffle(order.begin(), order.end(), std::mt19937(1));  // the same on each run
    const std::size_t chain = objects / kLanes;
    for (std::size_t i = 0; i + 1 < objects; ++i) at(order[i]).next = order[i + 1];
    for (std::size_t lane = 0; lane < kLanes; ++lane) heads_[lane] = order[lane * chain];
  }

  double seconds() {
    const double start = cpu_seconds();
    std::uint32_t at_lane[kLanes];
    std::copy(std::begin(heads_), std::end(heads_), at_lane);
    std::uint64_t sum = 0;
    for (std::size_t step = 0; step < objects_ / kLanes; ++step) {
      for (std::uint32_t& object : at_lane) {
        for (const std::size_t line : kTouched) sum += lines_[object * kObjectLines + line].value;
        object = at(object).next;
      }
    }
    sum_ = sum;
    return cpu_seconds() - start;
  }

 private:
  Line& at(std::uint32_t object) { return lines_[object * kObjectLines]; }

  std::vector<Line> lines_;
  std::size_t objects_;
  std::uint32_t heads_[kLanes];
  volatile std::uint64_t sum_ = 0;
};

struct Walk {
  double seconds = 0;
  std::uint64_t sockets = 0;
};

Walk walk_once(SocketWalk& walk, std::uint32_t netns) {
  Walk result;
  const double start = cpu_seconds();
  const auto stats =
      walk.sockets({}, {netns}, std::chrono::steady_clock::now() + std::chrono::seconds(60),
                   [](std::span<Socket>) {});
  if (!stats) fail(stats.error().what);
  result.seconds = cpu_seconds() - start;
  result.sockets = stats->sockets;
  return result;
}

/// Seconds of the longest run so far. Another task may take the CPU during a run, so wall time says
/// less than CPU time.
struct Longest {
  std::string_view walk;
  const bpf_program* program;
  double cpu = 0;
  double wall = 0;
};

sx_walk_run run_from(const bpf_program* program, std::uint32_t bucket) {
  sx_walk_run run{};
  run.start = bucket;
  run.sockets = SX_SOCKETS_PER_RUN;
  run.details = 1;  // the most that is asked for
  bpf_test_run_opts options{};
  options.sz = sizeof options;
  options.ctx_in = &run;
  options.ctx_size_in = sizeof run;
  if (bpf_prog_test_run_opts(bpf_program__fd(program), &options) < 0) fail("bpf: run");
  if (run.next == bucket) fail("bpf: endless chain");
  return run;
}

void time_runs(Longest& longest) {
  sx_walk_run run{};
  do {
    const double wall = seconds_of(CLOCK_MONOTONIC);
    const double cpu = cpu_seconds();
    run = run_from(longest.program, run.next);
    longest.cpu = std::max(longest.cpu, cpu_seconds() - cpu);
    longest.wall = std::max(longest.wall, seconds_of(CLOCK_MONOTONIC) - wall);
  } while (run.next < run.buckets);
}

template <typename Skeleton>
BpfProgram<Skeleton> loaded() {
  auto program = BpfProgram<Skeleton>::load();
  if (!program) fail(program.error().what);
  return std::move(*program);
}

void print_longest_runs() {
  auto tcp = loaded<tcp_walk_bpf>();
  auto bound = loaded<bound_walk_bpf>();
  auto udp = loaded<udp_walk_bpf>();
  Longest all[] = {{"established", tcp->progs.walk_established},
                   {"listeners", tcp->progs.walk_listeners},
                   {"bound", bound->progs.walk_bound},
                   {"udp", udp->progs.walk_udp}};
  for (Longest& one : all) {
    for (int i = 0; i < kRounds; ++i) time_runs(one);
    fmt::print("{} {:.3f} {:.3f}\n", one.walk, one.cpu * 1e3, one.wall * 1e3);
  }
}

}  // namespace

// For namespaces_bench.py a line of numbers: sockets, nanoseconds a socket of the chase and of the
// walk. Then a line for each walk: its longest run in milliseconds of CPU and of wall time.
int main() {
  auto walk = SocketWalk::open();
  if (!walk) {
    fmt::print(stderr, "skipped: {}\n", walk.error().what);
    return 77;
  }
  const std::uint64_t sockets = walk_once(*walk, WalkFilter::kNone).sockets;
  Chase chase(sockets / kLanes * kLanes);
  std::vector<double> chases, walks;
  for (int i = 0; i < kRounds; ++i) {
    chases.push_back(chase.seconds());
    walks.push_back(walk_once(*walk, WalkFilter::kAll).seconds);
  }
  const double nanos = 1e9 / static_cast<double>(sockets);
  fmt::print("{} {:.1f} {:.1f}\n", sockets, median(chases) * nanos, median(walks) * nanos);
  print_longest_runs();
  return 0;
}
