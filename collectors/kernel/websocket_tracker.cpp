#include "collectors/kernel/websocket_tracker.h"

#include <bpf/bpf.h>
#include <sys/mman.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <type_traits>
#include <utility>

#include "collectors/base/fd.h"
#include "collectors/kernel/bpf_program.h"
#include "websockets.skel.h"

namespace socket_exporter {
namespace {

static_assert(sizeof(sx_websocket_key) == 24 && std::is_trivially_copyable_v<sx_websocket_key>);
static_assert(sizeof(sx_websocket_place) == 16 && std::is_trivially_copyable_v<sx_websocket_place>);
static_assert(sizeof(sx_websocket_slot) == sizeof(WebsocketCounters) + 8);
static_assert(sizeof(sx_websocket_counts) == sizeof(WebsocketCounters));
static_assert(std::is_trivially_copyable_v<sx_websocket_counts>);

using Bpf = BpfProgram<websockets_bpf>;

WebsocketRecord to_record(const sx_websocket_key& key, const sx_websocket_counts& counts) {
  WebsocketRecord record;
  record.key = {{key.cookie, key.inode}, key.is_rest != 0, key.cgroup, key.port};
  std::memcpy(record.counters.data(), &counts, sizeof counts);
  return record;
}

sx_websocket_key to_key(const WebsocketKey& key) {
  sx_websocket_key bpf{};
  bpf.cgroup = key.cgroup;
  bpf.cookie = key.netns.cookie;
  bpf.inode = key.netns.inode;
  bpf.port = key.port;
  bpf.is_rest = key.is_rest ? 1 : 0;
  return bpf;
}

/// All slots, as the programs write them.
class MappedSlots {
 public:
  static constexpr std::size_t kBytes = SX_WEBSOCKET_KEYS * sizeof(sx_websocket_slot);

  static Result<MappedSlots> map(int fd) {
    void* const at = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED) return errno_error("mmap", errno);
    MappedSlots slots;
    slots.all_.reset(static_cast<sx_websocket_slot*>(at));
    return slots;
  }
  sx_websocket_slot& operator[](std::size_t slot) const { return all_.get()[slot]; }

 private:
  struct Unmap {
    void operator()(sx_websocket_slot* at) const { ::munmap(at, kBytes); }
  };
  std::unique_ptr<sx_websocket_slot, Unmap> all_;
};

using PortBits = std::array<std::uint32_t, 2048>;

PortBits bits_of(const std::vector<std::uint16_t>& ports) {
  PortBits bits{};
  for (const unsigned port : ports) bits[port / 32] |= 1U << port % 32;
  return bits;
}

// The programs look at these words, and set bits, meanwhile: a port that stays is never missing.
void change(std::uint32_t* bits, const PortBits& gone, const PortBits& added) {
  for (std::size_t i = 0; i < added.size(); ++i) {
    if (added[i] != 0) __atomic_fetch_or(&bits[i], added[i], __ATOMIC_RELAXED);
    const std::uint32_t over = gone[i] & ~added[i];
    if (over != 0) __atomic_fetch_and(&bits[i], ~over, __ATOMIC_RELAXED);
  }
}

}  // namespace

class WebsocketTracker::Program {
 public:
  explicit Program(Bpf program) : bpf_(std::move(program)) {}

  // What was learned stays for as long as it is asked for.
  void follow(const WebsocketPorts& ports) {
    auto& bss = *bpf_->bss;
    PortBits gone = bits_of(ports_.server);
    if (!ports.learns) gone.fill(~0U);
    change(bss.server_ports, gone, bits_of(ports.server));
    change(bss.client_ports, bits_of(ports_.client), bits_of(ports.client));
    bss.learns = ports.learns ? 1 : 0;
    if (!ports.learns) bss.learned = 0;
    ports_ = ports;
  }

  // The first slot is that of all that found no room.
  Result<> fill() {
    if (auto chunks = push_all(bpf_->maps.free_chunks, 0); !chunks) return chunks;
    if (auto slots = push_all(bpf_->maps.free_slots, 1); !slots) return slots;
    auto mapped = MappedSlots::map(bpf_map__fd(bpf_->maps.slots));
    if (!mapped) return mapped.error();
    slots_ = std::move(*mapped);
    sx_websocket_key rest{};
    rest.is_rest = 1;
    const sx_websocket_place place{.tag = 1, .slot = 0, .unused = 0};
    slots_[place.slot].tag = bpf_->bss->tags = place.tag;
    return Bpf::add(bpf_->maps.places, rest, place);
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
    auto read = Bpf::for_each<sx_websocket_key, sx_websocket_place>(
        bpf_->maps.places, [&](const sx_websocket_key& key, const sx_websocket_place& place) {
          all.records.push_back(to_record(key, slots_[place.slot].counts));
        });
    if (!read) return read.error();
    const auto skipped = recursion_misses();
    if (!skipped) return skipped.error();
    const auto& bss = *bpf_->bss;
    all.adopted = bss.adopted;
    all.desynced = bss.desynced;
    all.resynced = bss.resynced;
    all.repaired = bss.repaired;
    all.pool_exhausted = bss.pool_exhausted;
    all.missed = bss.lost + *skipped;
    return all;
  }

  std::vector<WebsocketRecord> forget(std::span<const WebsocketKey> idle) {
    std::vector<WebsocketRecord> last;
    const int places = bpf_map__fd(bpf_->maps.places);
    const int free_slots = bpf_map__fd(bpf_->maps.free_slots);
    for (const WebsocketKey& each : idle) {
      const sx_websocket_key key = to_key(each);
      sx_websocket_place place{};
      if (bpf_map_lookup_and_delete_elem(places, &key, &place) < 0) continue;  // since Linux 5.14
      sx_websocket_slot& slot = slots_[place.slot];
      slot.tag = 0;
      last.push_back(to_record(key, slot.counts));
      slot.counts = {};
      bpf_map_update_elem(free_slots, nullptr, &place.slot, BPF_ANY);
    }
    return last;
  }

 private:
  static Result<> push_all(const bpf_map* stack, std::uint32_t from) {
    for (std::uint32_t i = from; i < bpf_map__max_entries(stack); ++i) {
      const int pushed = bpf_map_update_elem(bpf_map__fd(stack), nullptr, &i, BPF_ANY);
      if (pushed < 0) return Bpf::bpf_error("map", -pushed);
    }
    return {};
  }

  // Events that came while the program was at work on that CPU already.
  Result<std::uint64_t> recursion_misses() const {
    bpf_prog_info info{};
    std::uint32_t size = sizeof info;
    const int got = bpf_obj_get_info_by_fd(bpf_program__fd(bpf_->progs.follow_state), &info, &size);
    if (got < 0) return Bpf::bpf_error("info", -got);
    return std::uint64_t{info.recursion_misses};
  }

  Bpf bpf_;
  WebsocketPorts ports_;
  MappedSlots slots_;
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
