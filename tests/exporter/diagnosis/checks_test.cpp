#include "exporter/diagnosis/checks.h"

#include <catch2/catch.hpp>
#include <limits>

#include "tests/exporter/diagnosis/known_host.h"

using namespace socket_exporter;
using Catch::Matchers::Contains;

TEST_CASE("The catalogue has the checks that the configuration knows", "[checks]") {
  REQUIRE(all_checks().size() == kCheckNames.size());
  for (std::size_t i = 0; i < kCheckNames.size(); ++i) {
    CHECK(all_checks()[i].name == kCheckNames[i]);
    CHECK(find_check(kCheckNames[i]) == &all_checks()[i]);
  }
  CHECK(find_check("nonsense") == nullptr);
}

TEST_CASE("A threshold is reached by its own value", "[checks]") {
  const Levels levels{70, 85};
  CHECK(judge(69, 100, levels) == Status::ok);
  CHECK(judge(699, 1000, levels) == Status::ok);
  CHECK(judge(70, 100, levels) == Status::warning);
  CHECK(judge(849, 1000, levels) == Status::warning);
  CHECK(judge(85, 100, levels) == Status::critical);
  CHECK(judge(0, 0, levels) == Status::critical);
  CHECK(judge(725, 1000, {72.5, 85}) == Status::warning);
  CHECK(judge(724, 1000, {72.5, 85}) == Status::ok);
}

TEST_CASE("system-ports counts distinct unreserved ports", "[checks]") {
  KnownHost host;
  host.add_outgoing(30, TcpState::established);
  Socket again = host.sockets.front();  // the same port to another destination
  again.remote_port = 80;
  host.sockets.push_back(again);
  Socket reserved = again;
  reserved.local_port = 20099;
  host.sockets.push_back(reserved);

  const CheckRun run = host.run("system-ports");

  CHECK(run.result.status == Status::ok);
  CHECK(run.result.used_percent == 30);
  CHECK(run.result.score() == 70);
  CHECK(run.seen.sockets->tcp_ports.used == 30);
  CHECK(run.seen.sockets->in_range == 32);
  CHECK(run.seen.sockets->reserved == 1);
  CHECK_THAT(run.result.message, Contains("30 of 99 ephemeral TCP ports are in use (30 %)"));
}

TEST_CASE("system-ports goes by the fullest tuple when that is worse", "[checks]") {
  KnownHost host;
  for (std::uint16_t port = 20090; port < 20099; ++port) host.add_listener(port, 0, 128);
  host.add_outgoing(72, TcpState::established);

  // 81 of 99 ports are in use (81.8 %); the tuple has 72 of the 90 that connect() may take (80 %).
  const CheckRun run = host.run("system-ports", {.warning = 75, .critical = 90});

  CHECK(run.result.status == Status::warning);
  CHECK(run.result.used_percent == 81);
  CHECK_THAT(run.result.message, Contains("10.0.0.5 -> 10.1.2.3:443 has 72 of 90 TCP ports"));
  CHECK_THAT(run.result.message, Contains("EADDRNOTAVAIL"));
}

TEST_CASE("system-ports goes by the whole range when no tuple is full", "[checks]") {
  KnownHost host;
  host.add_outgoing(45, TcpState::established);
  host.add_outgoing(45, TcpState::established, 0, *parse_address("10.1.2.4"));

  const CheckRun run = host.run("system-ports");

  CHECK(run.result.status == Status::critical);
  CHECK(run.result.used_percent == 90);
  CHECK_THAT(run.result.message,
             Contains("90 of 99 ephemeral TCP ports are in use (90 %): bind(0)"));
}

TEST_CASE("system-ports says that bound ports are lost to every destination", "[checks]") {
  KnownHost host;
  host.add_bound(90);
  host.add_outgoing(2, TcpState::established);
  const CheckRun run = host.run("system-ports");
  CHECK(run.result.status == Status::critical);
  CHECK_THAT(run.result.message,
             Contains("90 of 99 ephemeral TCP ports are held by bind() or listen() (90 %), 90 by "
                      "nginx (pid 42): connect() takes them to no destination, and has 9 ports"));
  host.add_bound(7);
  CHECK_THAT(host.run("system-ports").result.message, Contains("has 2 ports left for each."));
}

TEST_CASE("system-ports only warns of TIME_WAIT that connect() takes over", "[checks]") {
  KnownHost host;
  host.add_outgoing(95, TcpState::time_wait);
  CHECK(host.run("system-ports").result.status == Status::critical);
  host.proc_files["sys/net/ipv4/tcp_tw_reuse"] = "1\n";

  const CheckRun run = host.run("system-ports");

  CHECK(run.result.status == Status::warning);
  CHECK(run.result.used_percent == 95);
  CHECK_THAT(
      run.result.message,
      Contains("95 of 99 ephemeral TCP ports are in use (95 %), 95 of them in TIME_WAIT that "
               "gives its port to connect(): connect() works, only bind(0) fails"));
  host.add_outgoing(4, TcpState::established);
  CHECK(host.run("system-ports").result.status == Status::warning);
}

TEST_CASE("system-ports goes by UDP when that is worse", "[checks]") {
  KnownHost host;
  host.add_outgoing(50, TcpState::established);
  host.add_udp(60);
  CHECK(host.run("system-ports").result.protocol == Protocol::tcp);  // both are well
  host.add_udp(20);

  const CheckRun run = host.run("system-ports");

  CHECK(run.result.status == Status::warning);
  CHECK(run.result.protocol == Protocol::udp);
  CHECK(run.result.used_percent == 80);
  CHECK_THAT(run.result.message, Contains("80 of 99 ephemeral UDP ports are in use (80 %), 80 by "
                                          "nginx (pid 42): sockets to all destinations"));
  host.add_outgoing(40, TcpState::established);
  CHECK(host.run("system-ports").result.protocol == Protocol::tcp);
}

TEST_CASE("system-ports warns from its thresholds on", "[checks]") {
  KnownHost host;
  host.add_outgoing(70, TcpState::time_wait);
  CHECK(host.run("system-ports").result.status == Status::warning);
  CHECK(host.run("system-ports", {.warning = {}, .critical = 70}).result.status ==
        Status::critical);
  CHECK(host.run("system-ports", {.warning = 80, .critical = {}}).result.status == Status::ok);
}

TEST_CASE("system-ports is critical when every port is reserved", "[checks]") {
  KnownHost host;
  host.proc_files["sys/net/ipv4/ip_local_reserved_ports"] = "20000-20099\n";
  CHECK(host.run("system-ports").result.status == Status::critical);
}

TEST_CASE("A check that cannot read is unknown and says why", "[checks]") {
  KnownHost host;
  const std::string check =
      GENERATE(as<std::string>(), "system-ports", "tcp-states", "listen-queues");
  SECTION("no scan") {
    host.scan_error = Error{Error::Kind::io, "netlink: gone"};
  }
  SECTION("no scan without an interruption") {
    host.interrupted_scans = 100;
  }
  SECTION("no range") {
    host.proc_files.erase("sys/net/ipv4/ip_local_port_range");
  }
  host.add_outgoing(1, TcpState::established);

  const CheckRun run = host.run(check);

  CHECK(run.result.status == Status::unknown);
  CHECK(run.result.score() == 0);
  CHECK_THAT(run.result.message, Contains("Could not be read: "));
}

TEST_CASE("A scan that was interrupted is done again, and counts once", "[checks]") {
  KnownHost host;
  host.add_outgoing(30, TcpState::established);
  host.interrupted_scans = 1;
  CHECK(host.run("system-ports").result.used_percent == 30);
  CHECK(host.scans == 2);
}

TEST_CASE("Checks read no more than they need", "[checks]") {
  KnownHost host;
  host.run("conntrack");
  CHECK(host.scans == 0);
  CHECK(host.owner_walks == 0);
  host.run("file-descriptors");
  CHECK(host.scans == 0);
  CHECK(host.owner_walks == 1);
  host.run("system-ports");
  CHECK(host.scans == 1);
  CHECK(host.owner_walks == 2);
}

TEST_CASE("Sockets are counted although no owner could be read", "[checks]") {
  KnownHost host;
  host.add_outgoing(30, TcpState::established);
  host.owners = Error{Error::Kind::denied, "open /proc"};
  const CheckRun run = host.run("system-ports");
  CHECK(run.result.used_percent == 30);
  CHECK(!run.seen.sockets->sources.front().process.is_known());
  CHECK(host.run("file-descriptors").result.status == Status::unknown);
}

TEST_CASE("tcp-states finds the process that leaks CLOSE_WAIT", "[checks]") {
  KnownHost host;
  SECTION("few are no leak") {
    CHECK_THAT(host.run("tcp-states").result.message, Contains("sockets; no leak, no limit near."));
    host.add_outgoing(49, TcpState::close_wait);
    CHECK(host.run("tcp-states").result.status == Status::ok);
    CHECK_THAT(host.run("tcp-states").result.message,
               Contains("49 CLOSE_WAIT sockets; no limit near. Fewer than 50 CLOSE_WAIT of a "
                        "process are not judged."));
  }
  SECTION("half of its connections is a warning") {
    host.add_outgoing(50, TcpState::close_wait);
    host.add_outgoing(40, TcpState::established);
    host.add_outgoing(500, TcpState::time_wait, 1);
    const CheckRun run = host.run("tcp-states", {.warning = {}, .critical = 90});
    CHECK(run.result.status == Status::warning);
    CHECK_THAT(run.result.message, Contains("50 of 90 connections of nginx (pid 42)"));
  }
  SECTION("nearly all is critical, and another process does not hide it") {
    host.add_outgoing(60, TcpState::close_wait);
    host.add_outgoing(300, TcpState::established, 1);
    CHECK(host.run("tcp-states").result.status == Status::critical);
  }
}

TEST_CASE("tcp-states knows the kernel's limits", "[checks]") {
  KnownHost host;
  SECTION("TIME_WAIT sockets") {
    host.add_outgoing(600, TcpState::time_wait);
    const CheckRun run = host.run("tcp-states");
    CHECK(run.result.status == Status::warning);
    CHECK_THAT(run.result.message, Contains("600 of 1,000 TIME_WAIT"));
  }
  SECTION("orphans") {
    host.proc_files["net/sockstat"] = "TCP: inuse 1 orphan 900 tw 0 alloc 1 mem 0\n";
    CHECK(host.run("tcp-states").result.status == Status::critical);
  }
  SECTION("a kernel that shows none of them is not at a limit") {
    host.proc_files.erase("sys/net/ipv4/tcp_max_orphans");
    host.proc_files.erase("sys/net/ipv4/tcp_max_tw_buckets");
    CHECK(host.run("tcp-states").result.status == Status::ok);
  }
}

TEST_CASE("listen-queues goes by the fullest listener", "[checks]") {
  KnownHost host;
  host.add_listener(80, 0, 128);
  CHECK(host.run("listen-queues").result.status == Status::ok);
  host.add_listener(443, 8, 9);
  CHECK(host.run("listen-queues").result.status == Status::warning);
  host.add_listener(8080, 10, 9);
  const CheckRun run = host.run("listen-queues");
  CHECK(run.result.status == Status::critical);
  CHECK(run.result.used_percent == 100);
  CHECK_THAT(run.result.message, Contains("0.0.0.0:8080 of nginx (pid 42)"));
  CHECK_THAT(run.result.message, Contains("it is full"));
}

TEST_CASE("listen-queues is unknown where the kernel tells no limit", "[checks]") {
  KnownHost host;
  CHECK(host.run("listen-queues").result.status == Status::ok);
  host.add_listener(80, 5, kQueueLimitUnknown);
  CHECK(host.run("listen-queues").result.status == Status::unknown);
}

TEST_CASE("conntrack goes by the table's limit", "[checks]") {
  KnownHost host;
  host.proc_files["sys/net/netfilter/nf_conntrack_max"] = "1000\n";
  const auto status_at = [&](const char* count) {
    host.proc_files["sys/net/netfilter/nf_conntrack_count"] = count;
    return host.run("conntrack").result.status;
  };
  CHECK(status_at("699\n") == Status::ok);
  CHECK(status_at("700\n") == Status::warning);
  CHECK(status_at("850\n") == Status::critical);
  CHECK(status_at("nonsense\n") == Status::unknown);
  host.proc_files["sys/net/netfilter/nf_conntrack_max"] = "0\n";  // no limit
  CHECK(status_at("850\n") == Status::ok);
}

TEST_CASE("conntrack is well where there is no connection tracking", "[checks]") {
  KnownHost host;
  const CheckRun run = host.run("conntrack");
  CHECK(run.result.status == Status::ok);
  CHECK_THAT(run.result.message, Contains("not in use"));
}

TEST_CASE("file-descriptors goes by the fullest process and by the host", "[checks]") {
  KnownHost host;
  host.hide_processes(0);
  host.give_descriptors(100, 1000);
  CHECK(host.run("file-descriptors").result.status == Status::ok);
  host.give_descriptors(700, 1000);
  CHECK(host.run("file-descriptors").result.status == Status::warning);
  host.give_descriptors(950, 1000);
  const CheckRun run = host.run("file-descriptors");
  CHECK(run.result.status == Status::critical);
  CHECK_THAT(run.result.message, Contains("nginx (pid 42) has 950 of 1,000"));

  host.give_descriptors(950, std::numeric_limits<std::uint64_t>::max());
  CHECK(host.run("file-descriptors").result.status == Status::ok);
  host.proc_files["sys/fs/file-nr"] = "90000\t0\t100000\n";
  CHECK(host.run("file-descriptors").result.status == Status::critical);
  host.proc_files["sys/fs/file-nr"] = "90000\n";
  CHECK(host.run("file-descriptors").result.status == Status::unknown);
}

TEST_CASE("file-descriptors is unknown where a process could not be read", "[checks]") {
  KnownHost host;
  host.hide_processes(108);
  const CheckRun run = host.run("file-descriptors");
  CHECK(run.result.status == Status::unknown);
  CHECK_THAT(run.result.message, Contains("lack of permission: 108 processes; run it as root"));
  // What is bad already stays so.
  host.give_descriptors(700, 1000);
  CHECK(host.run("file-descriptors").result.status == Status::warning);
  host.give_descriptors(950, 1000);
  CHECK(host.run("file-descriptors").result.status == Status::critical);
}

TEST_CASE("file-descriptors names the namespace of a process in another", "[checks]") {
  KnownHost host;
  host.netns = {{1, "host"}, {2, "blue"}};
  host.put_nginx(2, {});
  host.give_descriptors(950, 1000);
  CHECK_THAT(host.run("file-descriptors").result.message,
             Catch::StartsWith("nginx (pid 42) in network namespace blue has 950 of 1,000"));
  host.put_nginx(7, {});
  CHECK_THAT(host.run("file-descriptors").result.message,
             Contains("in network namespace net:[7] has"));
  host.put_nginx(1, {});
  CHECK_THAT(host.run("file-descriptors").result.message,
             Catch::StartsWith("nginx (pid 42) has 950"));
}

TEST_CASE("Of several namespaces the worst comes first and is named", "[checks]") {
  KnownHost host;
  host.netns = {{1, "host"}, {2, "blue"}, {3, "red"}};
  host.add_outgoing(30, TcpState::established);
  host.added_to = 3;
  host.add_outgoing(75, TcpState::established);

  const auto runs = host.run_everywhere("system-ports");

  CHECK(host.scans == 1);
  REQUIRE(runs.size() == 3);
  CHECK(runs[0].result.status == Status::warning);
  CHECK_THAT(runs[0].result.message, Catch::StartsWith("red: 10.0.0.5 -> 10.1.2.3:443 has 75 of"));
  CHECK_THAT(runs[1].result.message, Catch::StartsWith("host: 30 of 99 ephemeral TCP ports"));
  CHECK(runs[2].seen.ns.name == "blue");
}

TEST_CASE("What cannot be read is worse than what is well, and better than trouble", "[checks]") {
  CHECK(gravity(Status::critical) > gravity(Status::warning));
  CHECK(gravity(Status::warning) > gravity(Status::unknown));
  CHECK(gravity(Status::unknown) > gravity(Status::ok));
}

TEST_CASE("Files of the whole host are judged once", "[checks]") {
  KnownHost host;
  host.netns = {{1, "host"}, {2, "blue"}};
  host.hide_processes(0);
  host.proc_files["sys/fs/file-nr"] = "90000\t0\t100000\n";
  const auto runs = host.run_everywhere("file-descriptors");
  CHECK(runs[0].result.status == Status::critical);
  CHECK(runs[0].seen.is_own);
  CHECK(runs[1].result.status == Status::ok);
}
