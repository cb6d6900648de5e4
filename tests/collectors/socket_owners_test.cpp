#include "collectors/socket_owners.h"

#include <catch2/catch.hpp>

#include "tests/exposition.h"
#include "tests/fake_kernel.h"

using namespace socket_exporter;

namespace {

const IpAddress kHere = *parse_address("10.0.0.5");
const IpAddress kThere = *parse_address("10.1.2.3");
const DestinationKey kDestination{1, kThere, 443};

const FakeKernel::Files kRange{{"sys/net/ipv4/ip_local_port_range", "40000\t40063\n"},
                               {"sys/net/ipv4/ip_local_reserved_ports", "\n"},
                               {"sys/net/ipv4/tcp_tw_reuse", "0\n"},
                               {"sys/net/ipv4/tcp_timestamps", "1\n"}};

Socket outgoing(std::uint32_t inode, TcpState state = TcpState::established) {
  return {.local = kHere,
          .remote = kThere,
          .netns = 1,
          .inode = inode,
          .local_port = static_cast<std::uint16_t>(40000 + inode),
          .remote_port = 443,
          .state = state};
}

const std::vector<Process> kProcesses{{10, "curl", 5, 1024}, {20, "nginx", 5, 1024}};

/// The kernel counted: nginx has the most, or nobody has any.
Owners counted(bool nginx) {
  Owners::Counts counts;
  if (nginx) counts.destinations[kDestination] = 1;
  return {kProcesses, {}, 0, counts};
}

/// Both collectors that show destinations.
std::string destination_line(std::string_view collector, std::string_view comm, int value) {
  const bool is_tuple = collector == "ephemeral_ports";
  return (is_tuple ? "socket_ephemeral_tuple_ports_used{netns=\"host\",protocol=\"tcp\","
                     "source=\"10.0.0.5\","
                   : "socket_destination_sockets{netns=\"host\",") +
         std::string("destination=\"10.1.2.3\",destination_port=\"443\",peer_service=\"\",") +
         (is_tuple ? "" : "state=\"established\",") + "comm=\"" + std::string(comm) + "\"} " +
         std::to_string(value);
}

}  // namespace

TEST_CASE("a destination shows the process that the kernel counted, in its first scrape",
          "[socket_owners]") {
  const std::string collector = GENERATE(as<std::string>(), "destinations", "ephemeral_ports");
  FakeKernel kernel;
  kernel.proc_files = kRange;
  kernel.sockets = {outgoing(0)};
  kernel.owners = counted(true);
  CHECK_THAT(expose(kernel, collector), HasLine(destination_line(collector, "nginx", 1)));
  CHECK(kernel.wanted_owners == DestinationSet{kDestination});
  CHECK(kernel.owner_walks == 1);
}

TEST_CASE("where the kernel counts nothing the process with the most sockets is found by inodes",
          "[socket_owners]") {
  const std::string collector = GENERATE(as<std::string>(), "destinations", "ephemeral_ports");
  FakeKernel kernel;
  kernel.proc_files = kRange;
  kernel.sockets = {outgoing(1), outgoing(2), outgoing(3), outgoing(9)};
  kernel.owners = Owners(kProcesses, {{1, 0}, {2, 1}, {3, 1}}, 0);
  CHECK_THAT(expose(kernel, collector), HasLine(destination_line(collector, "nginx", 4)));

  SECTION("of two with as many the first") {
    kernel.sockets = {outgoing(1), outgoing(2)};
    CHECK_THAT(expose(kernel, collector), HasLine(destination_line(collector, "curl", 2)));
  }
}

TEST_CASE("inbound and listening sockets say nothing about destinations", "[socket_owners]") {
  FakeKernel kernel;
  kernel.sockets = {outgoing(1), outgoing(2), outgoing(3)};
  kernel.sockets[1].inbound = kernel.sockets[2].inbound = true;
  kernel.owners = Owners(kProcesses, {{1, 0}, {2, 1}, {3, 1}}, 0);
  CHECK_THAT(expose(kernel, "destinations"), HasLine(destination_line("destinations", "curl", 1)));
}

TEST_CASE("the name of a process stays when it is gone and TIME_WAIT remains", "[socket_owners]") {
  const std::string collector = GENERATE(as<std::string>(), "destinations", "ephemeral_ports");
  FakeKernel kernel;
  kernel.proc_files = kRange;
  kernel.sockets = {outgoing(0), outgoing(1)};
  kernel.owners = counted(true);
  CollectorRunner runner;
  REQUIRE(runner.run(kernel, collector));

  const bool by_inode = GENERATE(false, true);
  kernel.owners = by_inode ? Owners(kProcesses, {}, 0) : counted(false);
  const auto text = runner.run(kernel, collector);
  REQUIRE(text);
  CHECK_THAT(*text, HasLine(destination_line(collector, "nginx", 2)));

  kernel.owners = Error{Error::Kind::timeout, "too many descriptors"};
  const auto without = runner.run(kernel, collector);
  REQUIRE(without);
  CHECK_THAT(*without, HasLine(destination_line(collector, "nginx", 2)));
}

TEST_CASE("a snapshot asks for a limited number of owners", "[socket_owners]") {
  FakeKernel kernel;
  const CollectorOptions options{.netstat_fields = *FieldFilter::compile("")};
  const ServiceMap services;
  History history;
  Snapshot snapshot(kernel, kernel.netns, {}, options, services, history);
  for (std::size_t i = 0; i < kMostDestinations; ++i) {
    CHECK(snapshot.want_owner({.netns = static_cast<std::uint32_t>(i)}));
  }
  CHECK_FALSE(snapshot.want_owner({.netns = 5000}));
  CHECK(snapshot.want_owner({.netns = 5}));
  CHECK(snapshot.owners());
  CHECK(snapshot.owners());
  CHECK(kernel.owner_walks == 1);
  CHECK(kernel.wanted_owners.size() == kMostDestinations);
}

TEST_CASE("a destination that is mostly TIME_WAIT shows who made that", "[socket_owners]") {
  const std::string collector = GENERATE(as<std::string>(), "destinations", "ephemeral_ports");
  FakeKernel kernel;
  kernel.netns = {{1, "host", 100}};
  kernel.proc_files = kRange;
  kernel.owners = counted(true);
  ConnectRecord opener;
  opener.key = {.netns = {100, 1}, .comm = "curl", .destination = kThere, .port = 443};
  opener.counters[SX_TIME_WAIT] = 5;
  kernel.connect_counts = ConnectCounts{.connects = {opener}};
  kernel.sockets = {outgoing(1), outgoing(0, TcpState::time_wait)};
  CollectorRunner runner;
  const auto comm_in = [&](const std::vector<std::string_view>& collectors) {
    const auto text = runner.run_all(kernel, collectors);
    REQUIRE(text);
    return *text;
  };
  CHECK_THAT(comm_in({"connects", collector}), Catch::Contains("comm=\"nginx\""));
  kernel.sockets.push_back(outgoing(2, TcpState::time_wait));
  CHECK_THAT(comm_in({"connects", collector}),
             HasLine(destination_line(collector, "curl", collector == "destinations" ? 1 : 3)));
  kernel.connect_counts = Error{Error::Kind::unavailable, "not followed"};
  runner.history = History();
  CHECK_THAT(comm_in({"connects", collector}), Catch::Contains("comm=\"nginx\""));
}
