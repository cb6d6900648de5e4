#include "exporter/diagnosis/inspection.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "tests/exporter/diagnosis/known_host.h"

using namespace socket_exporter;
using Catch::Matchers::Contains;

namespace {

const Workload kCart{"shop", "cart-7d", "", "uid-1"};

/// A host and a pod whose range is 20000 to 20049; nginx runs in the pod.
struct PodHost : KnownHost {
  PodHost() {
    netns = {{1, "host", 11}, {2, "shop/cart-7d", 12, kCart}};
    netns_files["shop/cart-7d"] = {{"sys/net/ipv4/ip_local_port_range", "20000\t20049\n"},
                                   {"sys/net/ipv4/ip_local_reserved_ports", "\n"}};
    put_nginx(2, kCart);
  }
};

}  // namespace

TEST_CASE("Each namespace has its own figures, all from one scan and one walk", "[inspection]") {
  PodHost host;
  host.add_outgoing(10, TcpState::established, 1);
  host.added_to = 2;
  host.add_outgoing(40, TcpState::established);
  host.add_listener(80, 3, 128);

  const auto all = host.inspect_everywhere();

  CHECK(host.scans == 1);
  CHECK(host.owner_walks == 1);
  REQUIRE(all.size() == 2);
  const SeenSockets& own = *all[0].sockets;
  CHECK(all[0].is_own);
  CHECK(own.total_ports() == 100);
  CHECK(own.tcp_ports.used == 10);
  REQUIRE(own.tuples.size() == 1);
  CHECK(own.tuples[0].use.ports_used == 10);
  CHECK(own.listeners.empty());
  REQUIRE(own.processes.size() == 1);
  CHECK(own.processes[0].process.pid == 43);
  const SeenSockets& pod = *all[1].sockets;
  CHECK_FALSE(all[1].is_own);
  CHECK(pod.total_ports() == 50);
  CHECK(pod.reserved == 0);
  CHECK(pod.tcp_ports.used == 40);
  CHECK(pod.sources.at(0).destinations == 1);
  CHECK(pod.listeners.size() == 1);
  CHECK(to_string(pod.processes.at(0).process) == "nginx (pid 42, shop/cart-7d)");
  CHECK(all[1].inside_pid == 42);
}

TEST_CASE("Processes with few descriptors left are told where they run", "[inspection]") {
  PodHost host;
  const auto pids = [](const Inspection& seen) {
    std::vector<std::uint32_t> found;
    for (const SeenProcess& one : seen.descriptors->processes) found.push_back(one.process.pid);
    std::sort(found.begin(), found.end());
    return found;
  };
  const auto all = host.inspect_everywhere();
  CHECK(pids(all[0]) == std::vector<std::uint32_t>{43});
  CHECK(pids(all[1]) == std::vector<std::uint32_t>{42});
  // Alone, the host answers for all.
  CHECK(pids(host.inspect_all()) == std::vector<std::uint32_t>{42, 43});
}

TEST_CASE("A process that only holds sockets of a namespace is not inside", "[inspection]") {
  PodHost host;
  host.netns_of_pid[42] = 1;
  host.added_to = 2;
  host.add_outgoing(1, TcpState::established);
  CHECK(host.inspect_everywhere()[1].inside_pid == 0);
}

TEST_CASE("What one namespace refuses does not hide another", "[inspection]") {
  PodHost host;
  host.add_outgoing(10, TcpState::established);
  SECTION("its range") {
    host.netns_files["shop/cart-7d"]["sys/net/ipv4/ip_local_port_range"] = "x\n";
  }
  SECTION("its sockets") {
    host.unread = {2};
  }
  const auto all = host.inspect_everywhere();
  REQUIRE(all.size() == 2);
  CHECK(all[0].sockets->tcp_ports.used == 10);
  CHECK_FALSE(all[1].sockets);
}

TEST_CASE("Without access to a namespace its connection tracking is unknown, not unused",
          "[inspection]") {
  PodHost host;
  CHECK(host.inspect_everywhere()[1].conntrack.error().kind == Error::Kind::unavailable);
  CHECK(host.inspect_everywhere()[1].gaps.parts.empty());

  host.proc_errors.insert(
      {"sys/net/ipv4/ip_default_ttl", {Error::Kind::unavailable, "setns: not permitted"}});
  host.proc_errors.insert({"net/netstat", {Error::Kind::unavailable, "setns: not permitted"}});

  const Inspection pod = host.inspect_everywhere()[1];
  CHECK(pod.conntrack.error().kind == Error::Kind::denied);
  CHECK(pod.gaps.parts ==
        std::vector<std::string>{"connection tracking", "overflows of accept queues"});
  const std::string text = report_text(judge_report(pod, {}), false);
  CHECK_THAT(text,
             Contains("\nMissing   connection tracking, overflows of accept queues: could not "
                      "be read (setns: not permitted).\n"));
  CHECK_THAT(text, Contains("\nPorts     20000-20049"));
}

TEST_CASE("A namespace that ended meanwhile is left out", "[inspection]") {
  PodHost host;
  host.unread = {2};
  const std::vector<NetNs> before = host.netns;
  const CollectorOptions options{.netstat_fields = *FieldFilter::compile("")};
  const ServiceMap services;
  History history;
  Snapshot snapshot(host, before, Deadline::max(), options, services, history);
  host.netns = {{1, "host", 11}, {2, "another", 13}};

  const auto all = inspect(host, snapshot, before, {.sockets = true});

  REQUIRE(all.size() == 1);
  CHECK(all[0].is_own);
}

TEST_CASE("Workloads are called by pod, container or uid", "[inspection]") {
  CHECK(to_string(Workload{"shop", "cart-7d", "0123456789ab", "u"}) == "shop/cart-7d");
  CHECK(to_string(Workload{"", "", "0123456789ab", ""}) == "container:0123456789ab");
  CHECK(to_string(Workload{"", "", "", "u-1"}) == "pod u-1");
  CHECK(to_string(Workload{}).empty());
  CHECK(to_string(Workload{"a\x1b", "b\n", "", "u"}) == "a?/b?");
}
