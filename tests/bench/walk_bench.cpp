// How close the walk over the established table comes to what the memory allows: the sockets of
// this host beside objects of our own, as many and in chains as long, read in the same order.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <numeric>
#include <random>
#include <vector>

#include "collectors/kernel/socket_walk.h"

using namespace socket_exporter;

namespace {

constexpr int kRounds = 5;
constexpr std::size_t kLanes = 8;
constexpr std::size_t kLine = 64;
constexpr std::size_t kObjectLines = 38;                // about a struct tcp_sock in its slab
constexpr std::size_t kTouched[] = {0, 1, 22, 24, 26};  // lines that the walk reads of it

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
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
  double longest_run = 0;  ///< seconds that the CPU was held at most: from one batch to the next
  std::uint64_t sockets = 0;
};

Walk walk_once(SocketWalk& walk, std::uint32_t netns) {
  Walk result;
  const double start = cpu_seconds();
  double last = start;
  const auto stats =
      walk.sockets({}, {netns}, std::chrono::steady_clock::now() + std::chrono::seconds(60),
                       [&](std::span<Socket>) {
                         const double now = cpu_seconds();
                         result.longest_run = std::max(result.longest_run, now - last);
                         last = now;
                       });
  if (!stats) {
    fmt::print(stderr, "{}\n", stats.error().what);
    std::exit(1);
  }
  result.seconds = cpu_seconds() - start;
  result.sockets = stats->sockets;
  return result;
}

}  // namespace

// One line of numbers for namespaces_bench.py: sockets, nanoseconds a socket of the chase and of
// the walk, and the longest run in milliseconds.
int main() {
  auto walk = SocketWalk::open();
  if (!walk) {
    fmt::print(stderr, "skipped: {}\n", walk.error().what);
    return 77;
  }
  const std::uint64_t sockets = walk_once(*walk, WalkFilter::kNone).sockets;
  Chase chase(sockets / kLanes * kLanes);
  std::vector<double> chases, walks, longest;
  for (int i = 0; i < kRounds; ++i) {
    chases.push_back(chase.seconds());
    const Walk walked = walk_once(*walk, WalkFilter::kAll);
    walks.push_back(walked.seconds);
    longest.push_back(walked.longest_run);
  }
  const double nanos = 1e9 / static_cast<double>(sockets);
  fmt::print("{} {:.1f} {:.1f} {:.3f}\n", sockets, median(chases) * nanos, median(walks) * nanos,
             median(longest) * 1e3);
  return 0;
}
