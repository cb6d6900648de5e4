#include "collectors/bind_ledger.h"

#include <catch2/catch.hpp>

using namespace socket_exporter;

namespace {

using std::chrono::minutes;

constexpr NetnsId kHost{100, 1};
constexpr BindLedger::Time kStart{minutes(1000)};
const std::vector<NetNs> kNamespaces{{kHost.inode, "host", kHost.cookie}};

BindRecord record(const std::string& comm, std::uint64_t in_use) {
  return {{.netns = kHost, .comm = comm}, {in_use}};
}

std::vector<BindRecord> more_than_half_full(std::uint64_t in_use) {
  std::vector<BindRecord> records{{{.is_rest = true}, {}}};
  for (int i = 0; i < SX_BIND_KEYS / 2; ++i) records.push_back(record(std::to_string(i), in_use));
  return records;
}

}  // namespace

TEST_CASE("a name of a process is made printable", "[bind_ledger]") {
  BindLedger ledger;
  ledger.read(std::vector{record("a\nb", 1)}, kNamespaces, kStart);
  ledger.choose(10);
  REQUIRE(ledger.binds().series().size() == 1);
  CHECK(ledger.binds().series().front().labels.comm.find('\n') == std::string::npos);
}

TEST_CASE("idle keys are forgotten once the table fills, but what stands for the rest",
          "[bind_ledger]") {
  BindLedger ledger;
  ledger.read(more_than_half_full(1), kNamespaces, kStart);
  CHECK(ledger.idle().empty());
  ledger.choose(10);
  ledger.read(more_than_half_full(1), kNamespaces, kStart + minutes(10));
  const auto idle = ledger.idle();
  CHECK(idle.size() == SX_BIND_KEYS / 2);
  ledger.choose(10);
  ledger.read(std::vector{record("0", 1)}, kNamespaces, kStart + minutes(20));
  CHECK(ledger.idle().empty());
}

TEST_CASE("a forgotten key goes on where it was when it comes again", "[bind_ledger]") {
  BindLedger ledger;
  ledger.read(std::vector{record("a", 5)}, kNamespaces, kStart);
  ledger.forget(std::vector{record("a", 6)});
  ledger.choose(10);
  ledger.read(std::vector{record("a", 2)}, kNamespaces, kStart + minutes(1));
  ledger.choose(10);
  REQUIRE(ledger.binds().series().size() == 1);
  CHECK(ledger.binds().series().front().counters[SX_BIND_IN_USE] == 8);
}
