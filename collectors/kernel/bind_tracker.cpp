#include "collectors/kernel/bind_tracker.h"

#include <netinet/in.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <type_traits>
#include <utility>

#include "binds.skel.h"
#include "collectors/kernel/bpf_program.h"

namespace socket_exporter {
namespace {

static_assert(sizeof(sx_bind_key) == 40 && std::is_trivially_copyable_v<sx_bind_key>);
static_assert(sizeof(sx_bind_counts) == sizeof(BindCounters));

using Bpf = BpfProgram<binds_bpf>;

BindRecord to_record(const sx_bind_key& key, const sx_bind_counts& counts) {
  BindRecord record;
  record.key.netns = {key.cookie, key.inode};
  record.key.is_rest = key.is_rest != 0;
  record.key.comm.assign(key.comm, strnlen(key.comm, sizeof key.comm));
  record.key.protocol = key.protocol == IPPROTO_UDP ? Protocol::udp : Protocol::tcp;
  std::copy_n(counts.reasons, record.counters.size(), record.counters.begin());
  return record;
}

sx_bind_key to_key(const BindKey& key) {
  sx_bind_key bpf{};
  bpf.cookie = key.netns.cookie;
  bpf.inode = key.netns.inode;
  key.comm.copy(bpf.comm, sizeof bpf.comm - 1);
  bpf.protocol = key.protocol == Protocol::udp ? IPPROTO_UDP : IPPROTO_TCP;
  return bpf;
}

}  // namespace

class BindTracker::Program {
 public:
  explicit Program(Bpf program) : bpf_(std::move(program)) {}

  // What stands for all that found no room has to be there before the table is full.
  Result<> add_rest() {
    sx_bind_key rest{};
    rest.is_rest = 1;
    return Bpf::add(bpf_->maps.counts, rest, sx_bind_counts{});
  }

  Result<> attach() {
    for (const bpf_program* program : {bpf_->progs.after_bind, bpf_->progs.after_connect}) {
      BpfLink& link = links_.emplace_back(bpf_program__attach(program));
      if (link) continue;
      Error error =
          errno_error(std::string("tracepoint ") + bpf_program__section_name(program), errno);
      error.kind = Error::Kind::unavailable;
      error.what += ": needs CAP_PERFMON and a tracefs that it may read";
      return error;
    }
    return {};
  }

  Result<std::vector<BindRecord>> read() {
    std::vector<BindRecord> all;
    auto counts = Bpf::for_each<sx_bind_key, sx_bind_counts>(
        bpf_->maps.counts, [&](const sx_bind_key& key, const sx_bind_counts& value) {
          all.push_back(to_record(key, value));
        });
    if (!counts) return counts.error();
    return all;
  }

  std::vector<BindRecord> forget(std::span<const BindKey> idle) {
    std::vector<BindRecord> last;
    const int map = bpf_map__fd(bpf_->maps.counts);
    for (const BindKey& each : idle) {
      const sx_bind_key key = to_key(each);
      sx_bind_counts counts{};
      if (bpf_map_lookup_and_delete_elem(map, &key, &counts) < 0) continue;  // since Linux 5.14
      last.push_back(to_record(key, counts));
    }
    return last;
  }

 private:
  Bpf bpf_;
  std::vector<BpfLink> links_;  // go before the program
};

BindTracker::BindTracker(std::unique_ptr<Program> program) : program_(std::move(program)) {}
BindTracker::BindTracker(BindTracker&&) noexcept = default;
BindTracker& BindTracker::operator=(BindTracker&&) noexcept = default;
BindTracker::~BindTracker() = default;

Result<BindTracker> BindTracker::start() {
  auto loaded = Bpf::load();
  if (!loaded) return loaded.error();
  auto program = std::make_unique<Program>(std::move(*loaded));
  if (const auto added = program->add_rest(); !added) return added.error();
  if (const auto attached = program->attach(); !attached) return attached.error();
  return BindTracker(std::move(program));
}

Result<std::vector<BindRecord>> BindTracker::read() {
  return program_->read();
}

std::vector<BindRecord> BindTracker::forget(std::span<const BindKey> idle) {
  return program_->forget(idle);
}

}  // namespace socket_exporter
