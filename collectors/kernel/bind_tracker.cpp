#include "collectors/kernel/bind_tracker.h"

#include <netinet/in.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <type_traits>
#include <utility>
#include <variant>

#include "binds.skel.h"
#include "binds_fexit.skel.h"
#include "collectors/kernel/bpf_program.h"

namespace socket_exporter {
namespace {

static_assert(sizeof(sx_bind_key) == 40 && std::is_trivially_copyable_v<sx_bind_key>);
static_assert(sizeof(sx_bind_counts) == sizeof(BindCounters));

using Functions = BpfProgram<binds_fexit_bpf>;
using Calls = BpfProgram<binds_bpf>;

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

using Explain = Error (*)(const bpf_program*, int);

Error function_error(const bpf_program* /*program*/, int number) {
  return Functions::fexit_error("attach", number);
}

Error call_error(const bpf_program* program, int number) {
  Error error =
      errno_error(std::string("tracepoint ") + bpf_program__section_name(program), number);
  error.kind = Error::Kind::unavailable;
  error.what += ": needs CAP_PERFMON and a tracefs that it may read";
  return error;
}

}  // namespace

class BindTracker::Program {
 public:
  template <typename Bpf>
  static Result<std::unique_ptr<Program>> start(Result<Bpf> loaded, Explain explain) {
    if (!loaded) return loaded.error();
    auto program = std::make_unique<Program>(std::move(*loaded));
    if (const auto added = program->add_rest(); !added) return added.error();
    if (const auto attached = program->attach(explain); !attached) return attached.error();
    return program;
  }

  template <typename Bpf>
  explicit Program(Bpf bpf) : object_(bpf->obj), counts_(bpf->maps.counts), bpf_(std::move(bpf)) {}

  Result<BindCounts> read() const {
    BindCounts all;
    auto counts = Calls::for_each<sx_bind_key, sx_bind_counts>(
        counts_, [&](const sx_bind_key& key, const sx_bind_counts& value) {
          all.records.push_back(to_record(key, value));
        });
    if (!counts) return counts.error();
    bpf_program* program = nullptr;
    while ((program = bpf_object__next_program(object_, program)) != nullptr) {
      const auto skipped = Calls::recursion_misses(program);
      if (!skipped) return skipped.error();
      all.missed += *skipped;
    }
    return all;
  }

  std::vector<BindRecord> forget(std::span<const BindKey> idle) const {
    std::vector<BindRecord> last;
    const int map = bpf_map__fd(counts_);
    for (const BindKey& each : idle) {
      const sx_bind_key key = to_key(each);
      sx_bind_counts counts{};
      if (bpf_map_lookup_and_delete_elem(map, &key, &counts) < 0) continue;  // since Linux 5.14
      last.push_back(to_record(key, counts));
    }
    return last;
  }

 private:
  // What stands for all that found no room has to be there before the table is full.
  Result<> add_rest() {
    sx_bind_key rest{};
    rest.is_rest = 1;
    return Calls::add(counts_, rest, sx_bind_counts{});
  }

  Result<> attach(Explain explain) {
    bpf_program* program = nullptr;
    while ((program = bpf_object__next_program(object_, program)) != nullptr) {
      const BpfLink& link = links_.emplace_back(bpf_program__attach(program));
      if (!link) return explain(program, errno);
    }
    return {};
  }

  bpf_object* object_;
  bpf_map* counts_;
  std::variant<Functions, Calls> bpf_;
  std::vector<BpfLink> links_;  // go before the program
};

BindTracker::BindTracker(std::unique_ptr<Program> program) : program_(std::move(program)) {}
BindTracker::BindTracker(BindTracker&&) noexcept = default;
BindTracker& BindTracker::operator=(BindTracker&&) noexcept = default;
BindTracker::~BindTracker() = default;

Result<BindTracker> BindTracker::start(BindWay way) {
  auto program = way == BindWay::functions ? Program::start(Functions::load_fexit(), function_error)
                                           : Program::start(Calls::load(), call_error);
  if (!program) return program.error();
  return BindTracker(std::move(*program));
}

Result<BindCounts> BindTracker::read() {
  return program_->read();
}

std::vector<BindRecord> BindTracker::forget(std::span<const BindKey> idle) {
  return program_->forget(idle);
}

}  // namespace socket_exporter
