#include "collectors/kernel/netns_list.h"

#include <sys/stat.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <fstream>
#include <optional>
#include <set>

#include "tests/collectors/kernel/netns_host.h"

using namespace socket_exporter;

namespace {

NetnsList opened_list() {
  auto list = NetnsList::open();
  REQUIRE(list);
  return std::move(*list);
}

std::vector<NetnsRecord> listed(NetnsList& list) {
  auto records = list.list();
  REQUIRE(records);
  return std::move(*records);
}

std::optional<NetnsRecord> record_of(NetnsList& list, std::uint64_t cookie) {
  for (NetnsRecord& record : listed(list)) {
    if (record.cookie == cookie) return std::move(record);
  }
  return std::nullopt;
}

/// As a thread of the namespace reads it; nothing when there is no such file.
std::optional<std::string> file_text(const HeldNetns& ns, const std::string& path) {
  std::optional<std::string> text;
  ns.enter([&] {
    std::ifstream file("/proc/" + path);
    if (file) text = std::string(std::istreambuf_iterator<char>(file), {});
  });
  return text;
}

void write_file(const HeldNetns& ns, const std::string& path, const std::string& text) {
  ns.enter([&] {
    std::ofstream file("/proc/" + path);
    file << text << std::flush;
    REQUIRE(file);
  });
}

}  // namespace

TEST_CASE("the list has each namespace once, this thread's own first") {
  NetnsList list = opened_list();
  const std::vector<HeldNetns> held(150);

  const auto records = listed(list);

  struct stat own {};
  REQUIRE(stat("/proc/thread-self/ns/net", &own) == 0);
  CHECK(records.front().inode == own.st_ino);
  std::set<std::uint64_t> cookies;
  for (const NetnsRecord& record : records) cookies.insert(record.cookie);
  CHECK(cookies.size() == records.size());
  for (const HeldNetns& ns : held) {
    const auto cookie = ns.cookie();
    const auto record = std::find_if(records.begin(), records.end(),
                                     [&](const NetnsRecord& r) { return r.cookie == cookie; });
    REQUIRE(record != records.end());
    CHECK(record->inode == ns.inode());
    CHECK(record->tables == records.front().tables);
  }
}

TEST_CASE("the list is the same from any namespace") {
  NetnsList list = opened_list();
  const HeldNetns older, middle, newer;
  middle.enter([&] {
    CHECK(listed(list).front().inode == middle.inode());
    CHECK(record_of(list, older.cookie()));
    CHECK(record_of(list, newer.cookie()));
  });
}

TEST_CASE("a namespace that ended is not in the list") {
  NetnsList list = opened_list();
  std::optional<HeldNetns> ns(std::in_place);
  const auto cookie = ns->cookie();
  REQUIRE(record_of(list, cookie));
  ns.reset();
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (record_of(list, cookie) && std::chrono::steady_clock::now() < limit) {
  }
  CHECK_FALSE(record_of(list, cookie));
}

TEST_CASE("a record's settings are those that its files show") {
  NetnsList list = opened_list();
  const HeldNetns usual, changed;
  write_file(changed, "sys/net/ipv4/ip_local_port_range", "1024 1087");
  write_file(changed, "sys/net/ipv4/ip_local_reserved_ports", "1030,1040-1049,65535");
  write_file(changed, "sys/net/ipv4/tcp_tw_reuse", "1");
  write_file(changed, "sys/net/ipv4/tcp_timestamps", "0");
  write_file(changed, "sys/net/ipv4/tcp_fin_timeout", "17");
  write_file(changed, "sys/net/core/somaxconn", "99");
  write_file(changed, "sys/net/ipv4/tcp_max_tw_buckets", "1234");
  for (const HeldNetns* ns : {&usual, &changed}) {
    const auto record = record_of(list, ns->cookie());
    REQUIRE(record);
    for (const std::string name :
         {"ipv4/ip_local_port_range", "ipv4/ip_local_reserved_ports", "ipv4/tcp_tw_reuse",
          "ipv4/tcp_tw_reuse_delay", "ipv4/tcp_timestamps", "ipv4/tcp_fin_timeout",
          "core/somaxconn", "ipv4/tcp_max_tw_buckets"}) {
      CAPTURE(name);
      CHECK(sysctl_text(*record, "sys/net/" + name) == file_text(*ns, "sys/net/" + name));
    }
  }
}

TEST_CASE("a namespace with tables of its own is told apart") {
  NetnsList list = opened_list();
  const HeldNetns parent;
  write_file(parent, "sys/net/ipv4/tcp_child_ehash_entries", "256");
  write_file(parent, "sys/net/ipv4/udp_child_hash_entries", "512");
  std::optional<HeldNetns> child;
  parent.enter([&] { child.emplace(); });
  const auto of_parent = record_of(list, parent.cookie());
  const auto of_child = record_of(list, child->cookie());
  REQUIRE(of_parent);
  REQUIRE(of_child);
  const std::array<std::uint32_t, 2> buckets{256, 512};
  for (std::size_t i = 0; i < buckets.size(); ++i) {
    const SocketTable& own = of_child->tables[i];
    const SocketTable& common = of_parent->tables[i];
    CHECK(own.protocol == common.protocol);
    CHECK(own.address != common.address);
    CHECK(own.buckets == buckets[i]);
    CHECK(common.buckets > buckets[i]);
  }
}
