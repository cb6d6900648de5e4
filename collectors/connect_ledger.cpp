#include "collectors/connect_ledger.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <numeric>

#include "collectors/base/utf8.h"

namespace socket_exporter {
namespace {

constexpr std::size_t kAll = std::numeric_limits<std::size_t>::max() / 2;
// From here on idle keys are in the way of new ones.
constexpr std::size_t kManyKeys = SX_CONNECT_KEYS / 2;
constexpr std::size_t kManyDestinations = SX_CONNECT_DESTINATIONS / 2;

std::uint64_t attempts_in(const ConnectCounters& increment) {
  return increment[SX_ATTEMPTS];
}

std::uint64_t failures_in(const ConnectCounters& increment) {
  return std::accumulate(increment.begin() + SX_FAILED_NO_PORT,
                         increment.begin() + SX_FAILED_OTHER + 1, std::uint64_t{0});
}

std::uint64_t events_in(const DestinationTimes& increment) {
  std::uint64_t events = 0;
  for (std::size_t time = 0; time < SX_CONNECT_TIMES; ++time) {
    const TimeCounters part = part_of(increment, static_cast<sx_connect_time>(time));
    events += std::accumulate(part.begin() + 1, part.end(), std::uint64_t{0});
  }
  return events;
}

std::uint64_t no_rank(const TimeCounters& /*increment*/) {
  return 0;
}

DestinationTimes flat(const std::array<TimeCounters, SX_CONNECT_TIMES>& times) {
  DestinationTimes all{};
  auto end = all.begin();
  for (const TimeCounters& part : times) end = std::copy(part.begin(), part.end(), end);
  return all;
}

}  // namespace

std::uint64_t hash_of(const ConnectDestination& destination) {
  return hash_mix(hash_of(destination.address) ^ destination.port);
}

std::uint64_t hash_of(const ConnectKey& key) {
  const std::uint64_t who = std::hash<std::string>()(key.comm) ^ hash_mix(key.cgroup);
  return hash_mix(who ^ hash_of(key.netns)) ^
         hash_of(ConnectDestination{key.destination, key.port}) ^ (key.is_rest ? 1U : 0U);
}

TimeCounters part_of(const DestinationTimes& times, sx_connect_time time) {
  TimeCounters part;
  const auto begin = times.begin() + static_cast<std::ptrdiff_t>(time * part.size());
  std::copy_n(begin, part.size(), part.begin());
  return part;
}

ConnectLedger::ConnectLedger() : connects_(attempts_in), times_(events_in), searches_(no_rank) {}

void ConnectLedger::read(const ConnectCounts& counts, std::span<const NetNs> namespaces,
                         const WorkloadOf& workload_of, Time now) {
  now_ = now;
  keys_ = counts.connects.size();
  namespaces_.update(namespaces);
  for (const ConnectRecord& record : counts.connects) add(record, workload_of);
  destinations_ = counts.times.size();
  for (const ConnectTimes& each : counts.times) add(each);
  for (const PortSearches& each : counts.searches) {
    searches_.add(each.netns, each.times, namespaces_.slot_of(each.netns),
                  namespaces_.place_of(each.netns), now_, [&] {
                    return each.netns == NetnsId{} ? std::nullopt
                                                   : std::optional(namespaces_.slot_of(each.netns));
                  });
  }
}

// But what stands for all that found no room, which was there before the tables could be full.
IdleConnects ConnectLedger::idle() const {
  IdleConnects idle;
  if (keys_ > kManyKeys) idle.keys = connects_.idle(now_);
  if (destinations_ > kManyDestinations) idle.destinations = times_.idle(now_);
  std::erase_if(idle.keys,
                [](const ConnectKey& key) { return key.is_rest && key.netns == NetnsId{}; });
  std::erase(idle.destinations, ConnectDestination{});
  return idle;
}

void ConnectLedger::forget(const ConnectCounts& last) {
  for (const ConnectRecord& record : last.connects) {
    add(record, {});
    connects_.forget(record.key);
  }
  for (const ConnectTimes& times : last.times) {
    add(times);
    times_.forget(times.destination);
  }
}

ConnectLedger::LeftOut ConnectLedger::choose(std::size_t top) {
  const auto place = [this](const NetnsId& netns) { return namespaces_.place_of(netns); };
  searches_.choose(kAll, now_, place);
  count_openers();
  return {connects_.choose(top, now_, place),
          times_.choose(top, now_, [](std::monostate) { return Place::shown; })};
}

void ConnectLedger::add(const ConnectRecord& record, const WorkloadOf& workload_of) {
  const NetnsId& netns = record.key.netns;
  connects_.add(record.key, record.counters, namespaces_.slot_of(netns),
                namespaces_.place_of(netns), now_, [&] {
                  return record.key.is_rest ? std::nullopt
                                            : std::optional(labels_of(record, workload_of));
                });
}

void ConnectLedger::add(const ConnectTimes& times) {
  times_.add(times.destination, flat(times.times), {}, Place::shown, now_, [&] {
    const bool is_rest = times.destination == ConnectDestination{};
    return is_rest ? std::nullopt : std::optional(times.destination);
  });
}

void ConnectLedger::count_openers() {
  openers_.begin(now_);
  connects_.for_each_increment([&](const ConnectLabels& who, const ConnectCounters& increment) {
    const auto opened = static_cast<std::int64_t>(increment[SX_ATTEMPTS] - failures_in(increment));
    const std::uint64_t time_wait = increment[SX_TIME_WAIT];
    if (opened == 0 && time_wait == 0) return;
    const bool is_shown = namespaces_.place_of(who.netns) == Place::shown;
    const std::uint32_t netns = is_shown ? who.netns.inode : kOtherNetns;
    openers_.count({netns, who.destination.address, who.destination.port},
                   {who.pod_namespace, who.pod, who.container, who.comm}, opened, time_wait);
  });
}

ConnectLabels ConnectLedger::labels_of(const ConnectRecord& record,
                                       const WorkloadOf& workload_of) const {
  const ConnectKey& key = record.key;
  Workload workload = workload_of(record.pid, key.cgroup);
  if (workload.empty()) workload = namespaces_.find(key.netns)->workload;
  return {
      namespaces_.slot_of(key.netns), workload.pod_namespace,     workload.pod, workload.container,
      printable_label(key.comm),      {key.destination, key.port}};
}

}  // namespace socket_exporter
