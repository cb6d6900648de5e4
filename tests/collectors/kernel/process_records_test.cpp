#include "collectors/kernel/process_records.h"

#include <catch2/catch.hpp>
#include <cstring>
#include <string>
#include <tuple>

using namespace socket_exporter;

namespace {

constexpr std::uint32_t kEstablished = 1;
constexpr std::uint32_t kListen = 10;

sx_process_record process(std::uint32_t pid, std::uint32_t open_fds, std::uint32_t established = 0,
                          std::uint32_t sockets_netns = 1) {
  sx_process_record record{};
  record.kind = SX_PROCESS;
  record.thread = record.pid = pid;
  record.is_leader = 1;
  record.table = 0x1000U + pid;
  record.cgroup = 7;
  record.fds_limit = 1024;
  record.netns = 1;
  record.open_fds = open_fds;
  record.sockets_netns = established > 0 ? sockets_netns : 0;
  record.sockets[kEstablished] = established;
  std::memcpy(record.comm, "a name of 16 by.", sizeof record.comm);  // without an end
  return record;
}

/// The record of another thread.
sx_process_record thread(sx_process_record record, std::uint32_t thread, std::uint64_t table) {
  record.thread = thread;
  record.is_leader = 0;
  record.table = table;
  return record;
}

sx_held_socket socket(std::uint32_t thread, std::uint32_t inode, std::uint32_t state,
                      std::uint32_t netns = 1) {
  return {SX_SOCKET, thread, inode, netns, state};
}

Owners join(std::vector<sx_process_record> processes, std::vector<sx_held_socket> sockets = {}) {
  const auto workload_of = [](std::uint32_t pid, std::uint64_t cgroup) {
    return Workload{"", "", std::to_string(pid) + "/" + std::to_string(cgroup), ""};
  };
  return owners_of({std::move(processes), std::move(sockets)}, {}, {}, workload_of);
}

HeldSockets held(const Owners& owners, std::uint32_t process, std::uint32_t netns = 1) {
  const auto found = owners.counts()->held.find({process, netns});
  return found != owners.counts()->held.end() ? found->second : HeldSockets{};
}

std::uint32_t established(const Owners& owners, std::uint32_t process, std::uint32_t netns = 1) {
  return held(owners, process, netns).tcp[kEstablished];
}

template <typename... Record>
std::vector<std::byte> bytes_of(const Record&... records) {
  std::vector<std::byte> bytes;
  const auto add = [&](const auto& record) {
    const auto* const begin = reinterpret_cast<const std::byte*>(&record);
    bytes.insert(bytes.end(), begin, begin + sizeof record);
  };
  (add(records), ...);
  return bytes;
}

}  // namespace

TEST_CASE("records of both kinds are read, a cut one is left for the next time",
          "[process_records]") {
  const auto bytes = bytes_of(process(10, 3), socket(10, 500, kListen), process(20, 4));
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    ProcessRecords records;
    const auto first = records.add(std::span(bytes).first(cut));
    REQUIRE(first);
    const auto second = records.add(std::span(bytes).subspan(*first));
    REQUIRE(second);
    CHECK(*first + *second == bytes.size());
    CHECK(records.processes.size() == 2);
    CHECK(records.processes.back().pid == 20);
    CHECK(records.sockets.size() == 1);
    CHECK(records.sockets.front().inode == 500);
  }
}

TEST_CASE("a record of another kind is malformed", "[process_records]") {
  const std::uint32_t kind = GENERATE(0U, 3U, 0xFFFFFFFFU);
  ProcessRecords records;
  const auto added = records.add(bytes_of(process(10, 3), kind));
  REQUIRE_FALSE(added);
  CHECK(added.error().kind == Error::Kind::malformed);
}

TEST_CASE("a process is what its records say", "[process_records]") {
  const Owners owners = join({process(20, 5, 3), process(10, 1)});
  REQUIRE(owners.processes().size() == 2);
  const Process& first = owners.processes().front();
  CHECK(first.pid == 10);  // by pid, not by record
  CHECK(first.comm == "a name of 16 by.");
  CHECK(first.open_fds == 1);
  CHECK(first.fds_limit == 1024);
  CHECK(first.netns == 1);
  CHECK(first.workload.container == "10/7");
  CHECK(established(owners, 0) == 0);
  CHECK(established(owners, 1) == 3);
}

TEST_CASE("what a process holds in several namespaces and tables is added up",
          "[process_records]") {
  const auto own_table = thread(process(10, 4, 1), 15, 0x99);
  const Owners owners =
      join({process(10, 2, 1, 1), process(10, 3, 5, 2), process(10, 1, 2, 1), own_table});
  REQUIRE(owners.processes().size() == 1);
  CHECK(owners.processes().front().open_fds == 10);
  CHECK(established(owners, 0, 1) == 4);
  CHECK(established(owners, 0, 2) == 5);
}

TEST_CASE("a table counts once among the threads of a process without a first thread",
          "[process_records]") {
  const auto record = process(10, 4, 2);
  const Owners owners = join({thread(record, 11, 0x99), thread(record, 12, 0x99)});
  CHECK(owners.processes().front().open_fds == 4);
  CHECK(established(owners, 0) == 2);
}

TEST_CASE("two processes with one table both have its descriptors, one has its sockets",
          "[process_records]") {
  auto second = process(20, 4, 2);
  second.table = process(10, 4).table;
  const Owners owners = join({process(10, 4, 2), second}, {socket(10, 5, 1), socket(20, 5, 1)});
  CHECK(owners.processes()[0].open_fds == 4);
  CHECK(owners.processes()[1].open_fds == 4);
  CHECK(established(owners, 0) == 3);
  CHECK(established(owners, 1) == 0);
}

TEST_CASE("a socket of several descriptors counts once, in the lowest pid", "[process_records]") {
  const auto worker = thread(process(20, 3), 21, 0x99);
  const Owners owners =
      join({process(30, 3), process(20, 3), worker, process(10, 3)},
           {socket(30, 500, kListen), socket(21, 500, kListen), socket(20, 500, kListen),
            socket(30, 600, kEstablished, 2), socket(30, 600, kEstablished, 2),
            socket(10, 700, SX_UDP), socket(99, 800, kListen)});
  CHECK(owners.owner_of(500) == 1);
  CHECK(owners.owner_of(600) == 2);
  CHECK(owners.owner_of(700) == 0);
  CHECK(owners.holders_of(500) == std::vector<std::size_t>{1, 2});
  CHECK(owners.holders_of(600) == std::vector<std::size_t>{2});
  CHECK(owners.holders_of(800).empty());
  CHECK_FALSE(owners.owner_of(800));  // of a thread that nothing else is known of
  CHECK(held(owners, 0).udp == 1);
  CHECK(held(owners, 1).tcp[kListen] == 1);
  CHECK(held(owners, 2).tcp[kListen] == 0);
  CHECK(established(owners, 2, 2) == 1);
}

TEST_CASE("destinations have the owner that was counted, if any", "[process_records]") {
  const DestinationKey asked[] = {{.netns = 1, .port = 1}, {.netns = 1, .port = 2}};
  const sx_destination counted[] = {{20, 1, 10, 3}, {}};
  const Owners owners =
      owners_of({{process(10, 3), process(20, 3)}, {}}, asked, counted,
                [](std::uint32_t /*pid*/, std::uint64_t /*cgroup*/) { return Workload{}; });
  CHECK(owners.counts()->destinations == std::map<DestinationKey, std::uint32_t>{{asked[0], 0}});
}
