#include "collectors/bind_ledger.h"

#include <functional>
#include <numeric>
#include <optional>

#include "collectors/base/address.h"
#include "collectors/base/utf8.h"

namespace socket_exporter {
namespace {

// From here on idle keys are in the way of new ones.
constexpr std::size_t kManyKeys = SX_BIND_KEYS / 2;

std::uint64_t failures_in(const BindCounters& increment) {
  return std::accumulate(increment.begin(), increment.end(), std::uint64_t{0});
}

}  // namespace

std::uint64_t hash_of(const BindKey& key) {
  const std::uint64_t who = std::hash<std::string>()(key.comm) ^ hash_of(key.netns);
  return hash_mix(who ^ (key.protocol == Protocol::udp ? 2U : 0U) ^ (key.is_rest ? 1U : 0U));
}

BindLedger::BindLedger() : binds_(failures_in) {}

void BindLedger::read(std::span<const BindRecord> records, std::span<const NetNs> namespaces,
                      Time now) {
  now_ = now;
  keys_ = records.size();
  namespaces_.update(namespaces);
  for (const BindRecord& record : records) add(record);
}

std::vector<BindKey> BindLedger::idle() const {
  if (keys_ <= kManyKeys) return {};
  auto keys = binds_.idle(now_);
  // That one was there before the table could be full.
  std::erase_if(keys, [](const BindKey& key) { return key.is_rest; });
  return keys;
}

void BindLedger::forget(std::span<const BindRecord> last) {
  for (const BindRecord& record : last) {
    add(record);
    binds_.forget(record.key);
  }
}

std::size_t BindLedger::choose(std::size_t top) {
  return binds_.choose(top, now_,
                       [this](const NetnsId& netns) { return namespaces_.place_of(netns); });
}

void BindLedger::add(const BindRecord& record) {
  const BindKey& key = record.key;
  const NetnsId slot = namespaces_.slot_of(key.netns);
  binds_.add(key, record.counters, slot, namespaces_.place_of(key.netns), now_, [&] {
    return key.is_rest ? std::nullopt
                       : std::optional(BindLabels{slot, printable_label(key.comm), key.protocol});
  });
}

}  // namespace socket_exporter
