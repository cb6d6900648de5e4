#include "collectors/kernel/websocket_table.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <type_traits>

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

constexpr std::size_t kBytes = SX_WEBSOCKET_KEYS * sizeof(sx_websocket_slot);

sx_websocket_key to_key(const WebsocketKey& key) {
  sx_websocket_key bpf{};
  bpf.cgroup = key.cgroup;
  bpf.cookie = key.netns.cookie;
  bpf.inode = key.netns.inode;
  bpf.port = key.port;
  bpf.is_rest = key.is_rest ? 1 : 0;
  return bpf;
}

}  // namespace

void WebsocketTable::Unmap::operator()(sx_websocket_slot* at) const {
  ::munmap(at, kBytes);
}

// The first slot is that of all that found no room.
Result<WebsocketTable> WebsocketTable::make(const Maps& maps, bool tls) {
  for (std::uint32_t i = 1; i < bpf_map__max_entries(maps.free_slots); ++i) {
    const int pushed = bpf_map_update_elem(bpf_map__fd(maps.free_slots), nullptr, &i, BPF_ANY);
    if (pushed < 0) return Bpf::bpf_error("map", -pushed);
  }
  void* const at =
      ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(maps.slots), 0);
  if (at == MAP_FAILED) return errno_error("mmap", errno);
  WebsocketTable table;
  table.slots_.reset(static_cast<sx_websocket_slot*>(at));
  table.maps_ = maps;
  table.tls_ = tls;
  sx_websocket_key rest{};
  rest.is_rest = 1;
  const sx_websocket_place place{.tag = 1, .slot = 0, .unused = 0};
  table.slots_[place.slot].tag = *maps.tags = place.tag;
  if (const auto added = Bpf::add(maps.places, rest, place); !added) return added.error();
  return table;
}

Result<> WebsocketTable::read(std::vector<WebsocketRecord>& to) const {
  return Bpf::for_each<sx_websocket_key, sx_websocket_place>(
      maps_.places, [&](const sx_websocket_key& key, const sx_websocket_place& place) {
        to.push_back(record_of(key, slots_[place.slot].counts));
      });
}

std::vector<WebsocketRecord> WebsocketTable::forget(std::span<const WebsocketKey> idle) const {
  std::vector<WebsocketRecord> last;
  const int places = bpf_map__fd(maps_.places);
  const int free_slots = bpf_map__fd(maps_.free_slots);
  for (const WebsocketKey& each : idle) {
    if (each.tls != tls_) continue;
    const sx_websocket_key key = to_key(each);
    sx_websocket_place place{};
    if (bpf_map_lookup_and_delete_elem(places, &key, &place) < 0) continue;  // since Linux 5.14
    sx_websocket_slot& slot = slots_[place.slot];
    slot.tag = 0;
    last.push_back(record_of(key, slot.counts));
    slot.counts = {};
    bpf_map_update_elem(free_slots, nullptr, &place.slot, BPF_ANY);
  }
  return last;
}

WebsocketRecord WebsocketTable::record_of(const sx_websocket_key& key,
                                          const sx_websocket_counts& counts) const {
  WebsocketRecord record;
  record.key = {{key.cookie, key.inode}, key.is_rest != 0, key.cgroup, key.port, tls_};
  std::memcpy(record.counters.data(), &counts, sizeof counts);
  return record;
}

}  // namespace socket_exporter
