#include "exporter/diagnosis/observation.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <numeric>
#include <thread>
#include <utility>

#include "exporter/diagnosis/words.h"

namespace socket_exporter {
namespace {

// A counter that ran backwards was forgotten in between, and began at zero again.
std::uint64_t increase(std::uint64_t now, std::uint64_t before) {
  return now >= before ? now - before : now;
}

template <std::size_t N>
std::array<std::uint64_t, N> operator-(const std::array<std::uint64_t, N>& a,
                                       const std::array<std::uint64_t, N>& b) {
  std::array<std::uint64_t, N> difference{};
  std::transform(a.begin(), a.end(), b.begin(), difference.begin(), increase);
  return difference;
}

std::uint64_t sum(const ConnectCounters& counters, sx_connect_counter first,
                  sx_connect_counter last) {
  return std::accumulate(counters.begin() + first, counters.begin() + last + 1, std::uint64_t{0});
}

// Where bucket `index` of sx_histogram ends, in seconds.
double end_of(std::size_t index) {
  return std::ldexp(1e-6, SX_FIRST_BUCKET + static_cast<int>(index));
}

// As if the times of a bucket were spread evenly over it.
std::optional<std::chrono::duration<double>> median_of(const TimeCounters& times) {
  const auto all = std::accumulate(times.begin() + 1, times.end(), std::uint64_t{0});
  if (all == 0) return std::nullopt;
  const double half = static_cast<double>(all) / 2;
  double below = 0;
  for (std::size_t i = 0; i + 1 < SX_BUCKETS; ++i) {
    const auto count = static_cast<double>(times[1 + i]);
    const double begin = i == 0 ? 0 : end_of(i - 1);
    if (below + count >= half) {
      return std::chrono::duration<double>(begin + (end_of(i) - begin) * (half - below) / count);
    }
    below += count;
  }
  return std::chrono::duration<double>(end_of(SX_BUCKETS - 2));
}

template <typename T>
void sort_by_attempts(std::vector<T>& all) {
  std::stable_sort(all.begin(), all.end(), [](const T& a, const T& b) {
    return a.counts.attempts() > b.counts.attempts();
  });
}

bool is_of(const NetnsId& id, const NetNs& ns) {
  return id.inode == ns.inode && (ns.cookie == 0 || id.cookie == ns.cookie);
}

}  // namespace

std::uint64_t OpenCounts::failed() const {
  return sum(counters, SX_FAILED_NO_PORT, SX_FAILED_OTHER);
}

// What began before may have failed since.
std::uint64_t OpenCounts::opened() const {
  return attempts() - std::min(attempts(), failed());
}

std::uint64_t OpenCounts::closed() const {
  return sum(counters, SX_CLOSED_ACTIVE, SX_CLOSED_ABORTED);
}

void OpenCounts::add(const OpenCounts& more) {
  std::transform(counters.begin(), counters.end(), more.counters.begin(), counters.begin(),
                 std::plus<>());
}

const SeenOpenings* SeenWatch::find(const IpAddress& address, std::uint16_t port) const {
  const auto found = std::find_if(openings.begin(), openings.end(), [&](const auto& one) {
    return one.destination == ConnectDestination{address, port};
  });
  return found != openings.end() ? &*found : nullptr;
}

Result<Observation> observe(Kernel& kernel, std::chrono::milliseconds time) {
  const auto before = kernel.connects();
  if (!before) return before.error();
  const auto begin = std::chrono::steady_clock::now();
  std::this_thread::sleep_for(time);
  const auto after = kernel.connects();
  if (!after) return after.error();
  return difference(*before, *after, std::chrono::steady_clock::now() - begin,
                    [&](std::uint32_t pid, std::uint64_t cgroup) {
                      return kernel.connect_workload(pid, cgroup);
                    });
}

Observation difference(const ConnectCounts& before, const ConnectCounts& after,
                       std::chrono::duration<double> time, const WorkloadOf& workload_of) {
  std::map<ConnectKey, ConnectCounters> counters_before;
  for (const ConnectRecord& record : before.connects) {
    counters_before.emplace(record.key, record.counters);
  }
  std::map<ConnectDestination, TimeCounters> times_before;
  for (const ConnectTimes& each : before.times) {
    times_before.emplace(each.destination, each.times[SX_ESTABLISHED]);
  }

  Observation seen;
  seen.time = time;
  for (const auto& [key, counters, pid] : after.connects) {
    const OpenCounts counts{counters - counters_before[key]};
    seen.sums[key.netns].add(counts);
    if (key.is_rest || counts.attempts() + counts.failed() == 0) continue;
    seen.openers.push_back({key.netns,
                            {key.destination, key.port},
                            {{pid, printable(key.comm), workload_of(pid, key.cgroup)}, counts}});
  }
  for (const auto& [destination, times] : after.times) {
    seen.lifetimes.emplace(destination, times[SX_ESTABLISHED] - times_before[destination]);
  }
  return seen;
}

SeenWatch watch_of(const Observation& observed, const NetNs& ns, const ServiceMap& services) {
  std::map<ConnectDestination, SeenOpenings> by_destination;
  for (const auto& [netns, destination, opener] : observed.openers) {
    if (!is_of(netns, ns)) continue;
    SeenOpenings& openings = by_destination[destination];
    openings.counts.add(opener.counts);
    openings.openers.push_back(opener);
  }
  SeenWatch watch;
  watch.time = observed.time;
  for (auto& [destination, openings] : by_destination) {
    openings.destination = destination;
    openings.service = printable(services.name_of(destination.address, destination.port));
    const auto times = observed.lifetimes.find(destination);
    if (times != observed.lifetimes.end()) openings.lifetime = median_of(times->second);
    sort_by_attempts(openings.openers);
    watch.openings.push_back(std::move(openings));
  }
  sort_by_attempts(watch.openings);
  for (const auto& [netns, counts] : observed.sums) {
    if (is_of(netns, ns)) watch.all.add(counts);
  }
  return watch;
}

}  // namespace socket_exporter
