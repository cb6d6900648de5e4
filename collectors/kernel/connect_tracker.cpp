#include "collectors/kernel/connect_tracker.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <type_traits>
#include <utility>

#include "collectors/base/fd.h"
#include "collectors/kernel/bpf_program.h"
#include "collectors/kernel/response_timer.h"
#include "collectors/kernel/search_table.h"
#include "connects.skel.h"

namespace socket_exporter {
namespace {

template <typename Record, std::size_t Size>
constexpr bool kIsRecord = sizeof(Record) == Size&& std::is_trivially_copyable_v<Record>;
static_assert(kIsRecord<sx_connect_key, 64> && kIsRecord<sx_connect_counts, 128>);
static_assert(kIsRecord<sx_connect_destination, 20> && kIsRecord<sx_connect_times, 928>);
static_assert(kIsRecord<sx_connect_netns, 16>);

using Bpf = BpfProgram<connects_bpf>;
using Searches = SearchTable<Bpf>;

std::uint16_t port_of(std::uint32_t network_order) {
  return ntohs(static_cast<std::uint16_t>(network_order));
}

ConnectRecord to_record(const sx_connect_key& key, const sx_connect_counts& counts) {
  ConnectRecord record;
  record.key.netns = {key.netns.cookie, key.netns.inode};
  record.key.is_rest = key.netns.is_rest != 0;
  record.key.cgroup = key.cgroup;
  record.key.comm.assign(key.comm, strnlen(key.comm, sizeof key.comm));
  record.key.destination = ipv6_address(key.destination.address);
  record.key.port = port_of(key.destination.port);
  std::copy_n(counts.counters, record.counters.size(), record.counters.begin());
  record.pid = static_cast<std::uint32_t>(counts.pid);
  return record;
}

ConnectTimes to_times(const sx_connect_destination& key, const sx_connect_times& times) {
  ConnectTimes all{{ipv6_address(key.address), port_of(key.port)}};
  std::transform(std::begin(times.histograms), std::end(times.histograms), all.times.begin(),
                 times_of);
  return all;
}

sx_connect_destination to_key(const ConnectDestination& destination) {
  sx_connect_destination bpf{};
  std::memcpy(bpf.address, destination.address.bytes.data(), sizeof bpf.address);
  bpf.port = htons(destination.port);
  return bpf;
}

sx_connect_key to_key(const ConnectKey& key) {
  sx_connect_key bpf{};
  bpf.cgroup = key.cgroup;
  bpf.netns = {key.netns.cookie, key.netns.inode, key.is_rest ? 1U : 0U};
  bpf.destination = to_key(ConnectDestination{key.destination, key.port});
  key.comm.copy(bpf.comm, sizeof bpf.comm - 1);
  return bpf;
}

// Whether it was there.
template <typename Key, typename Value>
bool take(const bpf_map* map, const Key& key, Value& last) {
  return bpf_map_lookup_and_delete_elem(bpf_map__fd(map), &key, &last) == 0;  // since Linux 5.14
}

// Both programs are at work on the same tables.
Result<Bpf> load(const Result<ResponseTimer>& responses) {
  return Bpf::load([&](connects_bpf& program) {
    if (!responses) return 0;
    return responses->share(program.maps.places, program.maps.crowd, program.maps.times);
  });
}

}  // namespace

class ConnectTracker::Program {
 public:
  Program(Bpf program, Result<ResponseTimer> responses)
      : bpf_(std::move(program)), responses_(std::move(responses)) {}

  // What stands for all that found no room has to be there before the tables are full.
  Result<> add_rest() {
    sx_connect_key key{};
    key.netns.is_rest = 1;
    if (auto added = Bpf::add(bpf_->maps.counts, key, sx_connect_counts{}); !added) return added;
    if (auto added = Bpf::add(bpf_->maps.times, sx_connect_destination{}, sx_connect_times{});
        !added) {
      return added;
    }
    return Searches(bpf_->maps.searches).add_rest();
  }

  Result<> attach() {
    link_ = BpfLink(bpf_program__attach(bpf_->progs.follow));
    if (!link_) return Bpf::bpf_error("attach", errno);
    return {};
  }

  Result<> mark_older() {
    const BpfLink link(bpf_program__attach_iter(bpf_->progs.mark_older, nullptr));
    if (!link) return Bpf::bpf_error("attach", errno);
    const Fd iterator(bpf_iter_create(bpf_link__fd(link.get())));
    if (!iterator) return Bpf::bpf_error("iterator", errno);
    for (char none = 0;;) {
      const auto got = ::read(iterator.number(), &none, sizeof none);
      if (got == 0) return {};
      if (got < 0 && errno != EAGAIN && errno != EINTR) return Bpf::bpf_error("read", errno);
    }
  }

  Result<ConnectCounts> read() {
    ConnectCounts all;
    all.has_responses = static_cast<bool>(responses_);
    auto counts = Bpf::for_each<sx_connect_key, sx_connect_counts>(
        bpf_->maps.counts, [&](const sx_connect_key& key, const sx_connect_counts& value) {
          all.connects.push_back(to_record(key, value));
        });
    if (!counts) return counts.error();
    auto times = Bpf::for_each<sx_connect_destination, sx_connect_times>(
        bpf_->maps.times, [&](const sx_connect_destination& key, const sx_connect_times& value) {
          all.times.push_back(to_times(key, value));
        });
    if (!times) return times.error();
    auto searches = Searches(bpf_->maps.searches).read();
    if (!searches) return searches.error();
    all.searches = std::move(*searches);
    const auto skipped = Bpf::recursion_misses(bpf_->progs.follow);
    if (!skipped) return skipped.error();
    all.older_closed = bpf_->bss->older_closed;
    all.missed = bpf_->bss->lost + *skipped;
    return all;
  }

  Result<> times_responses() const {
    return responses_ ? Result<>() : Result<>(responses_.error());
  }

  ConnectCounts forget(const IdleConnects& idle) {
    ConnectCounts last;
    for (const ConnectKey& each : idle.keys) {
      const sx_connect_key key = to_key(each);
      sx_connect_counts counts{};
      if (take(bpf_->maps.counts, key, counts)) last.connects.push_back(to_record(key, counts));
    }
    for (const ConnectDestination& each : idle.destinations) {
      const sx_connect_destination key = to_key(each);
      sx_connect_times times{};
      if (take(bpf_->maps.times, key, times)) last.times.push_back(to_times(key, times));
    }
    return last;
  }

 private:
  Bpf bpf_;
  BpfLink link_;  // goes before the program
  Result<ResponseTimer> responses_;
};

ConnectTracker::ConnectTracker(std::unique_ptr<Program> program) : program_(std::move(program)) {}
ConnectTracker::ConnectTracker(ConnectTracker&&) noexcept = default;
ConnectTracker& ConnectTracker::operator=(ConnectTracker&&) noexcept = default;
ConnectTracker::~ConnectTracker() = default;

Result<ConnectTracker> ConnectTracker::start(const std::string& procfs, bool with_responses) {
  Result<ResponseTimer> responses =
      Error{Error::Kind::unavailable, "off by --no-collector.connects.responses"};
  if (with_responses) responses = ResponseTimer::start(procfs);
  auto loaded = load(responses);
  if (!loaded) return loaded.error();
  auto program = std::make_unique<Program>(std::move(*loaded), std::move(responses));
  if (const auto added = program->add_rest(); !added) return added.error();
  if (const auto attached = program->attach(); !attached) return attached.error();
  if (const auto marked = program->mark_older(); !marked) return marked.error();
  return ConnectTracker(std::move(program));
}

Result<ConnectCounts> ConnectTracker::read() {
  return program_->read();
}

Result<> ConnectTracker::times_responses() const {
  return program_->times_responses();
}

ConnectCounts ConnectTracker::forget(const IdleConnects& idle) {
  return program_->forget(idle);
}

}  // namespace socket_exporter
