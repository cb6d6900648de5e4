#include "collectors/kernel/websocket_tracker.h"

#include <bpf/bpf.h>

#include <array>
#include <cerrno>
#include <utility>

#include "collectors/base/fd.h"
#include "collectors/kernel/bpf_program.h"
#include "collectors/kernel/websocket_port_bits.h"
#include "collectors/kernel/websocket_table.h"
#include "websockets.skel.h"

namespace socket_exporter {
namespace {

using Bpf = BpfProgram<websockets_bpf>;

}  // namespace

class WebsocketTracker::Program {
 public:
  explicit Program(Bpf program) : bpf_(std::move(program)) {}

  void follow(const WebsocketPorts& ports) { change_ports(*bpf_->bss, ports_, ports); }

  Result<> fill() {
    for (std::uint32_t i = 0; i < bpf_map__max_entries(bpf_->maps.free_chunks); ++i) {
      const int chunks = bpf_map__fd(bpf_->maps.free_chunks);
      const int pushed = bpf_map_update_elem(chunks, nullptr, &i, BPF_ANY);
      if (pushed < 0) return Bpf::bpf_error("map", -pushed);
    }
    auto table = WebsocketTable::make(
        {bpf_->maps.places, bpf_->maps.slots, bpf_->maps.free_slots, &bpf_->bss->tags}, false);
    if (!table) return table.error();
    table_ = std::move(*table);
    return {};
  }

  Result<> attach(const Fd& cgroup) {
    state_link_ = BpfLink(bpf_program__attach(bpf_->progs.follow_state));
    if (!state_link_) return Bpf::bpf_error("attach", errno);
    auto links = Bpf::attach_to_cgroup<2>(cgroup, {bpf_->progs.follow_in, bpf_->progs.follow_out});
    if (!links) return links.error();
    links_ = std::move(*links);
    return {};
  }

  Result<WebsocketCounts> read() {
    WebsocketCounts all;
    if (auto read = table_.read(all.records); !read) return read.error();
    const auto skipped = Bpf::recursion_misses(bpf_->progs.follow_state);
    if (!skipped) return skipped.error();
    const auto& bss = *bpf_->bss;
    all.adopted = bss.adopted;
    all.desynced = bss.desynced;
    all.resynced = bss.resynced;
    all.repaired = bss.repaired;
    all.pool_exhausted = bss.pool_exhausted;
    all.ports_refused = bss.ports_refused;
    all.missed = bss.lost + *skipped;
    return all;
  }

  std::vector<WebsocketRecord> forget(std::span<const WebsocketKey> idle) {
    return table_.forget(idle);
  }

 private:
  Bpf bpf_;
  WebsocketPorts ports_;
  WebsocketTable table_;
  BpfLink state_link_;  // these go before the program
  std::array<BpfLink, 2> links_;
};

WebsocketTracker::WebsocketTracker(std::unique_ptr<Program> program)
    : program_(std::move(program)) {}
WebsocketTracker::WebsocketTracker(WebsocketTracker&&) noexcept = default;
WebsocketTracker& WebsocketTracker::operator=(WebsocketTracker&&) noexcept = default;
WebsocketTracker::~WebsocketTracker() = default;

Result<WebsocketTracker> WebsocketTracker::start(const Fd& cgroup_root,
                                                 const WebsocketPorts& ports) {
  auto loaded = Bpf::load();
  if (!loaded) return loaded.error();
  auto program = std::make_unique<Program>(std::move(*loaded));
  program->follow(ports);
  if (const auto filled = program->fill(); !filled) return filled.error();
  if (const auto attached = program->attach(cgroup_root); !attached) return attached.error();
  return WebsocketTracker(std::move(program));
}

void WebsocketTracker::follow(const WebsocketPorts& ports) {
  program_->follow(ports);
}

Result<WebsocketCounts> WebsocketTracker::read() {
  return program_->read();
}

std::vector<WebsocketRecord> WebsocketTracker::forget(std::span<const WebsocketKey> idle) {
  return program_->forget(idle);
}

}  // namespace socket_exporter
