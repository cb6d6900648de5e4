#include "collectors/kernel/netns_list.h"

#include <bpf/bpf.h>

#include <type_traits>
#include <unordered_set>

#include "collectors/bpf/netns_list.h"
#include "collectors/kernel/bpf_program.h"
#include "collectors/kernel/units.h"
#include "netns_list.skel.h"

namespace socket_exporter {
namespace {

static_assert(sizeof(sx_netns_record) == 72 && std::is_trivially_copyable_v<sx_netns_record>);
static_assert(sizeof(sx_netns_run) == 24 && std::is_trivially_copyable_v<sx_netns_run>);

// Each is a namespace that ended in the moment between two runs.
constexpr int kMaxRestarts = 8;
constexpr std::uint64_t kNanosPerSecond = 1'000'000'000;

NetnsRecord to_record(const sx_netns_record& from, std::uint64_t nanos_per_jiffy) {
  NetnsRecord record;
  record.inode = from.inode;
  record.cookie = from.cookie;
  record.tables = {{{Protocol::tcp, from.ehash, from.ehash_buckets},
                    {Protocol::udp, from.udp_hash, from.udp_buckets}}};
  record.first_port = from.first_port;
  record.last_port = from.last_port;
  record.tw_reuse = from.tw_reuse;
  if (from.has_tw_reuse_delay != 0) record.tw_reuse_delay_ms = from.tw_reuse_delay;
  record.timestamps = from.timestamps;
  record.fin_timeout_seconds =
      static_cast<std::uint32_t>(from.fin_timeout * nanos_per_jiffy / kNanosPerSecond);
  record.somaxconn = from.somaxconn;
  record.max_tw_buckets = from.max_tw_buckets;
  return record;
}

}  // namespace

class NetnsList::Program {
 public:
  Program(BpfProgram<netns_list_bpf> program, std::uint64_t nanos_per_jiffy)
      : bpf_(std::move(program)), nanos_per_jiffy_(nanos_per_jiffy) {}

  Result<> run(sx_netns_run& run) {
    bpf_test_run_opts options{};
    options.sz = sizeof options;
    options.ctx_in = &run;
    options.ctx_size_in = sizeof run;
    const int program = bpf_program__fd(bpf_->progs.list_netns);
    const int result = bpf_prog_test_run_opts(program, &options);
    if (result < 0) return BpfProgram<netns_list_bpf>::bpf_error("run", -result);
    return {};
  }

  NetnsRecord record(std::size_t place) const {
    const sx_netns_record& from = bpf_->bss->records[place];
    NetnsRecord record = to_record(from, nanos_per_jiffy_);
    record.reserved_ports = reserved_ports(from.ports_state, bpf_->bss->reserved_ports[place]);
    return record;
  }

 private:
  BpfProgram<netns_list_bpf> bpf_;
  std::uint64_t nanos_per_jiffy_;
};

NetnsList::NetnsList(std::unique_ptr<Program> program) : program_(std::move(program)) {}
NetnsList::NetnsList(NetnsList&&) noexcept = default;
NetnsList& NetnsList::operator=(NetnsList&&) noexcept = default;
NetnsList::~NetnsList() = default;

Result<NetnsList> NetnsList::open() {
  const auto tick = nanos_per_jiffy();
  if (!tick) return tick.error();
  auto loaded = BpfProgram<netns_list_bpf>::load();
  if (!loaded) return loaded.error();
  NetnsList list(std::make_unique<Program>(std::move(*loaded), *tick));
  if (const auto trial = list.list(); !trial) return trial.error();
  return list;
}

Result<std::vector<NetnsRecord>> NetnsList::list() {
  std::vector<NetnsRecord> records;
  std::unordered_set<std::uint64_t> known;
  sx_netns_run run{};
  int restarts = 0;
  do {
    if (const auto ran = program_->run(run); !ran) return ran.error();
    if (run.state == SX_NETNS_LOST) {
      if (++restarts > kMaxRestarts) {
        return Error{Error::Kind::timeout, "bpf: network namespaces end faster than they are read"};
      }
      run = {};
      continue;
    }
    for (std::uint32_t i = 0; i < run.records; ++i) {
      NetnsRecord record = program_->record(i);
      if (known.insert(record.cookie).second) records.push_back(std::move(record));
    }
  } while (run.state != SX_NETNS_DONE);
  return records;
}

}  // namespace socket_exporter
