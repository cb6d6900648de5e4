#include "collectors/websocket_ledger.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <optional>
#include <tuple>

#include "collectors/base/address.h"

namespace socket_exporter {
namespace {

// From here on idle keys are in the way of new ones.
constexpr std::size_t kManyKeys = SX_WEBSOCKET_KEYS / 2;

std::uint64_t activity_in(const WebsocketCounters& increment) {
  const sx_websocket_counts counts = named(increment);
  std::uint64_t activity = counts.opened + counts.adopted;
  for (const auto& messages : counts.messages) {
    activity = std::accumulate(std::begin(messages), std::end(messages), activity);
  }
  return std::accumulate(std::begin(counts.errors), std::end(counts.errors), activity);
}

std::int64_t active_in(const WebsocketCounters& counters) {
  const sx_websocket_counts counts = named(counters);
  std::uint64_t closed = 0;
  for (const auto& initiators : counts.closed) {
    closed = std::accumulate(std::begin(initiators), std::end(initiators), closed);
  }
  return static_cast<std::int64_t>(counts.opened + counts.adopted - closed);
}

}  // namespace

std::uint64_t hash_of(const WebsocketKey& key) {
  return hash_mix(hash_of(key.netns) ^ hash_mix(key.cgroup) ^ key.port ^
                  (key.is_rest ? 1U << 16U : 0U) ^ (key.tls ? 1U << 17U : 0U));
}

sx_websocket_counts named(const WebsocketCounters& counters) {
  sx_websocket_counts counts;
  std::memcpy(&counts, counters.data(), sizeof counts);
  return counts;
}

WebsocketLedger::WebsocketLedger() : websockets_(activity_in) {}

void WebsocketLedger::read(std::span<const WebsocketRecord> records,
                           std::span<const NetNs> namespaces, const Oracle& oracle, Time now) {
  now_ = now;
  namespaces_.update(namespaces);
  for (const WebsocketRecord& record : records) add(record, oracle);
}

std::vector<WebsocketKey> WebsocketLedger::idle(const Oracle& oracle) const {
  if (keys_.size() <= kManyKeys) return {};
  auto keys = websockets_.idle(now_);
  // The rest was there before the table could be full.
  std::erase_if(keys, [&](const WebsocketKey& key) {
    const auto known = keys_.find(key);
    if (key.is_rest || known == keys_.end() || known->second.active == 0) return key.is_rest;
    return oracle.sockets_of(known->second.labels) != 0;
  });
  return keys;
}

void WebsocketLedger::forget(std::span<const WebsocketRecord> last) {
  const Oracle last_seen;  // all of them are known
  for (const WebsocketRecord& record : last) {
    add(record, last_seen);
    websockets_.forget(record.key);
    keys_.erase(record.key);
  }
}

std::size_t WebsocketLedger::choose(std::size_t top, const Oracle& oracle) {
  const std::size_t left_out = websockets_.choose(
      top, now_, [this](const NetnsId& netns) { return namespaces_.place_of(netns); });
  count_active();
  compare_active(oracle);
  return left_out;
}

std::int64_t WebsocketLedger::active(const WebsocketLabels& labels) const {
  const auto found = active_.find(labels);
  return found != active_.end() ? found->second : 0;
}

std::int64_t WebsocketLedger::active_of_rest(const NetnsId& slot) const {
  const auto found = active_of_rest_.find(slot);
  return found != active_of_rest_.end() ? found->second : 0;
}

void WebsocketLedger::add(const WebsocketRecord& record, const Oracle& oracle) {
  const WebsocketKey& key = record.key;
  const bool is_known = key.is_rest || keys_.count(key) != 0;
  if (!is_known && !oracle.is_client(key)) return;
  const NetnsId slot = namespaces_.slot_of(key.netns);
  const Place place = namespaces_.place_of(key.netns);
  websockets_.add(key, record.counters, slot, place, now_, [&] {
    const NetNs* const ns = namespaces_.find(key.netns);
    if (key.is_rest || ns == nullptr) return std::optional<WebsocketLabels>();
    Workload workload = oracle.workload_of(key.cgroup);
    if (workload.empty()) workload = ns->workload;
    const WebsocketLabels labels{slot,    workload.pod_namespace,       workload.pod, key.port,
                                 key.tls, oracle.is_client(key) == true};
    keys_[key].labels = labels;
    return std::optional(labels);
  });
  keys_[key].active = active_in(record.counters);
}

// A gauge is no sum of increments: it moves as a whole when its series is shown or not any more.
void WebsocketLedger::count_active() {
  active_.clear();
  active_of_rest_.clear();
  for (const auto& [labels, counters] : websockets_.series()) active_[labels] = 0;
  for (const auto& [key, known] : keys_) {
    const Place place = namespaces_.place_of(key.netns);
    const auto shown = active_.find(known.labels);
    if (place == Place::absent) continue;
    if (shown != active_.end()) {
      shown->second += known.active;
    } else {
      active_of_rest_[place == Place::shown ? namespaces_.slot_of(key.netns) : NetnsId{}] +=
          known.active;
    }
  }
}

// Several series may share the sockets of a port.
void WebsocketLedger::compare_active(const Oracle& oracle) {
  std::map<std::tuple<NetnsId, std::uint16_t, bool>, std::int64_t> left;
  for (auto& [labels, active] : active_) {
    const auto sockets = oracle.sockets_of(labels);
    if (!sockets) continue;
    const auto [entry, is_new] =
        left.try_emplace({labels.netns, labels.port, labels.is_client}, *sockets);
    active = std::min(active, entry->second);
    entry->second -= active;
  }
}

}  // namespace socket_exporter
