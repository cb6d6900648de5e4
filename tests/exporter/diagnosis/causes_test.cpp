#include "exporter/diagnosis/causes.h"

#include <catch2/catch.hpp>

#include "tests/exporter/diagnosis/known_host.h"

using namespace socket_exporter;
using Catch::Matchers::Contains;

namespace {

std::vector<Finding> causes(KnownHost& host, const CheckThresholds& chosen = {}) {
  return find_causes(host.inspect_all(), chosen);
}

std::string all_steps(const Finding& finding) {
  std::string text;
  for (const std::string& step : finding.steps) text += step + "\n";
  return text;
}

}  // namespace

TEST_CASE("A calm host has no causes", "[causes]") {
  KnownHost host;
  host.add_listener(80, 1, 128);
  host.add_outgoing(20, TcpState::established);
  host.add_outgoing(10, TcpState::time_wait);
  host.add_outgoing(5, TcpState::close_wait);
  CHECK(causes(host).empty());
  CHECK_THAT(calm_headline(host.inspect_all()), Contains("35 of 99 ephemeral ports"));

  KnownHost idle;
  CHECK(causes(idle).empty());
  CHECK_THAT(calm_headline(idle.inspect_all()), Contains("0 of 99 ephemeral ports"));
}

TEST_CASE("A calm host's headline says what could not be judged", "[causes]") {
  KnownHost host;
  host.hide_processes(0);
  host.add_listener(80, 1, 128);
  const auto headline = [&] { return calm_headline(host.inspect_all()); };
  const std::string calm = "no queue is near its limit, nothing leaks.";
  CHECK_THAT(headline(), Contains(calm));

  SECTION("limits of queues") {
    host.add_listener(81, 1, kQueueLimitUnknown);
    CHECK_THAT(headline(), Contains("Not judged: accept queues (their limits are unknown)."));
  }
  SECTION("processes") {
    host.hide_processes(12);
    CHECK_THAT(headline(), Contains("Not judged: leaks and descriptors of 12 processes that"));
    host.owners = Error{Error::Kind::denied, "open /proc"};
    CHECK_THAT(headline(), Contains("Not judged: leaks and descriptors of processes (none"));
  }
  SECTION("descriptors and connection tracking") {
    host.proc_files["sys/fs/file-nr"] = "x\n";
    host.proc_files["sys/net/netfilter/nf_conntrack_count"] = "x\n";
    CHECK_THAT(headline(), Contains("Not judged: file descriptors (could not be read), "
                                    "connection tracking (could not be read)."));
  }
  CHECK(headline().find(calm) == std::string::npos);
}

TEST_CASE("A tuple full of TIME_WAIT is churn", "[causes]") {
  KnownHost host;
  host.add_outgoing(89, TcpState::time_wait);
  host.add_outgoing(10, TcpState::established);

  const auto found = causes(host);

  REQUIRE(found.size() == 1);
  CHECK(found[0].cause == Cause::churn);
  CHECK(found[0].status == Status::critical);
  CHECK(found[0].headline ==
        "10.0.0.5 -> 10.1.2.3:443 (payments) has 99 of 99 ports in use (100 %): new connections "
        "fail with EADDRNOTAVAIL.");
  CHECK_THAT(found[0].explanation, Contains("89 of 99 (89 %) of its ports are held by TIME_WAIT"));
  CHECK_THAT(found[0].explanation, Contains("nginx (pid 42)"));
  CHECK_THAT(all_steps(found[0]), Contains("sysctl -w net.ipv4.tcp_tw_reuse=1"));
  CHECK_THAT(all_steps(found[0]), Contains("keep-alive"));
}

TEST_CASE("Churn over two destinations is named before the range is full", "[causes]") {
  // The outage that this was written for: 12,847 TIME_WAIT, 3,234 ESTABLISHED, 312 CLOSE_WAIT,
  // 89 FIN_WAIT2 and 45 SYN_SENT in 28,232 ports, to two services. Here a hundredth of each.
  KnownHost host;
  for (const char* peer : {"10.1.2.3", "10.1.2.4"}) {
    host.add_outgoing(22, TcpState::time_wait, 0, *parse_address(peer));
    host.add_outgoing(5, TcpState::established, 0, *parse_address(peer));
    host.add_outgoing(1, TcpState::close_wait, 0, *parse_address(peer));
  }

  const auto found = causes(host);

  REQUIRE(found.size() == 1);
  CHECK(found[0].cause == Cause::churn);
  CHECK(found[0].status == Status::warning);
  CHECK_THAT(found[0].headline, Contains("56 of 99 ephemeral ports are in use (56 %)"));
  CHECK_THAT(found[0].explanation, Contains("44 of 56 (78 %)"));
}

TEST_CASE("With tcp_tw_reuse on, churn advice does not ask for it again", "[causes]") {
  KnownHost host;
  host.add_outgoing(60, TcpState::time_wait);
  for (Socket& socket : host.sockets) {  // younger than a second: the port is not given back yet
    socket.time_wait_left = std::chrono::milliseconds(59500);
  }
  host.proc_files["sys/net/ipv4/tcp_tw_reuse"] = "1\n";
  const auto found = causes(host);
  REQUIRE(found.size() == 1);
  CHECK(found[0].cause == Cause::churn);
  CHECK(all_steps(found[0]).find("tcp_tw_reuse") == std::string::npos);
  CHECK_THAT(all_steps(found[0]),
             Contains("ip_local_port_range='1024 65535' (first put the ports of services into "
                      "ip_local_reserved_ports)"));
}

TEST_CASE("TIME_WAIT that gives its port back does not make a pool a churn", "[causes]") {
  KnownHost host;
  host.proc_files["sys/net/ipv4/tcp_tw_reuse"] = "1\n";
  host.add_outgoing(38, TcpState::time_wait);
  host.add_outgoing(61, TcpState::established);
  const auto found = causes(host);
  REQUIRE(found.size() == 1);
  CHECK(found[0].cause == Cause::pool_too_large);
  CHECK_THAT(found[0].headline, Contains("61 of 99 ports"));
}

TEST_CASE("A tuple full of established connections is a pool too large", "[causes]") {
  KnownHost host;
  host.add_outgoing(80, TcpState::established);
  host.add_outgoing(5, TcpState::time_wait);

  const auto found = causes(host);

  REQUIRE(found.size() == 1);
  CHECK(found[0].cause == Cause::pool_too_large);
  CHECK(found[0].status == Status::critical);
  CHECK_THAT(found[0].headline,
             Contains("(85 %): connect() fails with EADDRNOTAVAIL after 14 more."));
  CHECK_THAT(found[0].explanation, Contains("80 of 85 (94 %)"));
}

TEST_CASE("A low threshold makes a tuple critical, but not nearly full", "[causes]") {
  KnownHost host;
  host.add_outgoing(37, TcpState::established);
  const auto found = causes(host, {{"system-ports", {.warning = 20, .critical = 30}}});
  REQUIRE(found.size() == 1);
  CHECK(found[0].status == Status::critical);
  CHECK_THAT(found[0].headline,
             Contains("(37 %): connect() fails with EADDRNOTAVAIL after 62 more.") &&
                 !Contains("about to"));
}

TEST_CASE("Half a tuple is a warning: connect() slows down", "[causes]") {
  KnownHost host;
  host.add_outgoing(49, TcpState::established);
  CHECK(causes(host).empty());
  host.add_outgoing(1, TcpState::established);
  const auto found = causes(host);
  REQUIRE(found.size() == 1);
  CHECK(found[0].status == Status::warning);
  CHECK_THAT(found[0].headline, Contains("slower"));
}

TEST_CASE("A tuple with many CLOSE_WAIT is a leak of its process", "[causes]") {
  KnownHost host;
  host.add_outgoing(40, TcpState::close_wait);
  host.add_outgoing(55, TcpState::established);

  const auto found = causes(host);

  REQUIRE(found.size() == 1);
  CHECK(found[0].cause == Cause::close_wait_leak);
  CHECK(found[0].status == Status::critical);
  CHECK_THAT(found[0].explanation, Contains("40 of 95 (42 %)"));
  CHECK_THAT(all_steps(found[0]), Contains("grep pid=42,"));
}

TEST_CASE("A leak is named long before ports run out", "[causes]") {
  KnownHost host;
  host.proc_files["sys/net/ipv4/ip_local_port_range"] = "20000 60999";
  host.add_outgoing(120, TcpState::close_wait, 1);

  const auto found = causes(host);

  REQUIRE(found.size() == 1);
  CHECK(found[0].cause == Cause::close_wait_leak);
  CHECK(found[0].status == Status::warning);
  CHECK_THAT(found[0].headline, Contains("(pid 43) holds 120 connections in CLOSE_WAIT"));
  CHECK(found[0].headline.find('\x1b') == std::string::npos);
  CHECK_THAT(found[0].explanation, Contains("Most go to 10.1.2.3:443"));
}

TEST_CASE("A peer that does not answer is named", "[causes]") {
  KnownHost host;
  SECTION("while ports are free") {
    host.add_outgoing(19, TcpState::syn_sent);
    CHECK(causes(host).empty());
    host.add_outgoing(1, TcpState::syn_sent);
    const auto found = causes(host);
    REQUIRE(found.size() == 1);
    CHECK(found[0].cause == Cause::unresponsive_peer);
    CHECK(found[0].status == Status::warning);
    CHECK_THAT(found[0].headline, Contains("10.1.2.3:443 (payments) does not answer"));
    CHECK_THAT(all_steps(found[0]), Contains("nc -vz -w 3 10.1.2.3 443"));
  }
  SECTION("and once it takes the ports") {
    host.add_outgoing(60, TcpState::syn_sent);
    host.add_outgoing(30, TcpState::established);
    const auto found = causes(host);
    REQUIRE(found.size() == 1);
    CHECK(found[0].cause == Cause::unresponsive_peer);
    CHECK(found[0].status == Status::critical);
  }
  SECTION("but not a busy one, of which few connections are being opened") {
    host.add_outgoing(20, TcpState::syn_sent);
    host.add_outgoing(21, TcpState::established);
    CHECK(causes(host).empty());
  }
}

TEST_CASE("A full accept queue is named with its process", "[causes]") {
  KnownHost host;
  host.add_listener(80, 0, 4096);
  host.add_listener(8080, 129, 128);

  const auto found = causes(host);

  REQUIRE(found.size() == 1);
  CHECK(found[0].cause == Cause::accept_queue_full);
  CHECK(found[0].status == Status::critical);
  CHECK_THAT(found[0].headline, Contains("0.0.0.0:8080 has 129 connections waiting for accept()"));
  CHECK_THAT(found[0].explanation, Contains("nginx (pid 42)"));
  CHECK_THAT(found[0].explanation, Contains("7 times since boot"));
  CHECK_THAT(all_steps(found[0]), Contains("somaxconn"));
}

TEST_CASE("A queue without a known limit is not full", "[causes]") {
  KnownHost host;
  host.add_listener(8080, 129, kQueueLimitUnknown);
  CHECK(causes(host).empty());
}

TEST_CASE("Descriptors and connection tracking are other ways to run out", "[causes]") {
  KnownHost host;
  host.give_descriptors(950, 1000);
  host.proc_files["sys/net/netfilter/nf_conntrack_max"] = "1000\n";
  host.proc_files["sys/net/netfilter/nf_conntrack_count"] = "750\n";

  const auto found = causes(host);

  REQUIRE(found.size() == 2);
  CHECK(found[0].cause == Cause::descriptors);  // the worse one first
  CHECK(found[0].status == Status::critical);
  CHECK_THAT(found[0].headline, Contains("950 of 1,000 (95 %)"));
  CHECK(found[1].cause == Cause::conntrack);
  CHECK(found[1].status == Status::warning);
}

TEST_CASE("Ports of bind() and listen() are no pool", "[causes]") {
  KnownHost host;
  host.add_bound(79);
  for (std::uint16_t port = 20079; port < 20099; ++port) host.add_listener(port, 0, 128);

  const auto found = causes(host);

  REQUIRE(found.size() == 1);
  CHECK(found[0].cause == Cause::ports_bound);
  CHECK(found[0].status == Status::critical);
  CHECK(found[0].headline ==
        "99 of 99 ephemeral ports are held by bind() or listen() (100 %): connect() fails with "
        "EADDRNOTAVAIL, to any destination.");
  CHECK_THAT(found[0].explanation, Contains("20 listen, 79 only called bind(), 0 called"));
  CHECK_THAT(found[0].explanation, Contains("nginx (pid 42) holds 99 ports."));
  CHECK_THAT(all_steps(found[0]), Contains("outside 20000-20099, or take theirs out") &&
                                      Contains("IP_BIND_ADDRESS_NO_PORT") && !Contains("pool"));
}

TEST_CASE("Listeners alone are not told to bind() without a port", "[causes]") {
  KnownHost host;
  for (std::uint16_t port = 20000; port < 20099; ++port) host.add_listener(port, 0, 128);
  CHECK_THAT(all_steps(causes(host).at(0)), !Contains("IP_BIND_ADDRESS_NO_PORT"));
}

TEST_CASE("A few connections beside bound ports are not blamed", "[causes]") {
  KnownHost host;
  host.add_bound(95);
  host.add_outgoing(3, TcpState::established);
  const auto found = causes(host);
  REQUIRE(found.size() == 1);
  CHECK(found[0].cause == Cause::ports_bound);
  CHECK_THAT(found[0].headline, Contains("connect() has 4 ports left for each destination"));
}

TEST_CASE("TIME_WAIT that connect() takes over is a warning about bind(0)", "[causes]") {
  KnownHost host;
  host.proc_files["sys/net/ipv4/tcp_tw_reuse"] = "1\n";
  host.add_outgoing(99, TcpState::time_wait);

  const auto found = causes(host);

  REQUIRE(found.size() == 1);
  CHECK(found[0].cause == Cause::churn);
  CHECK(found[0].status == Status::warning);
  CHECK(found[0].headline ==
        "99 of 99 ephemeral ports are in use (100 %), but 99 of them give their port to connect(): "
        "it works, only bind(0) fails at 100 %.");
  CHECK_THAT(found[0].explanation, Contains("99 sockets in TIME_WAIT") && Contains("reuse=1"));
  CHECK_THAT(all_steps(found[0]), !Contains("sysctl"));
}

TEST_CASE("Churn advice knows where tcp_tw_reuse is in force", "[causes]") {
  KnownHost host;
  host.add_outgoing(60, TcpState::time_wait);
  for (Socket& socket : host.sockets) socket.time_wait_left = std::chrono::milliseconds(59500);
  host.proc_files["sys/net/ipv4/tcp_tw_reuse"] = "2\n";
  CHECK_THAT(all_steps(causes(host).at(0)), Contains("tcp_tw_reuse=1"));
  SECTION("2, over loopback") {
    for (Socket& socket : host.sockets) socket.remote = *parse_address("127.0.0.1");
    CHECK_THAT(all_steps(causes(host).at(0)), !Contains("tcp_tw_reuse"));
  }
  SECTION("1, but without timestamps") {
    host.proc_files["sys/net/ipv4/tcp_tw_reuse"] = "1\n";
    host.proc_files["sys/net/ipv4/tcp_timestamps"] = "0\n";
    CHECK_THAT(all_steps(causes(host).at(0)), Contains("tcp_timestamps=1"));
  }
}

TEST_CASE("UDP ports that run out are named with their process", "[causes]") {
  KnownHost host;
  host.add_udp(69);
  CHECK(causes(host).empty());
  CHECK_THAT(calm_headline(host.inspect_all()), Contains("UDP has 69 %"));
  host.add_udp(30);

  const auto found = causes(host);

  REQUIRE(found.size() == 1);
  CHECK(found[0].cause == Cause::udp_ports);
  CHECK(found[0].status == Status::critical);
  CHECK(found[0].headline ==
        "99 of 99 ephemeral ports are in use by UDP (100 %): connect() and sendto() of new sockets "
        "fail with EAGAIN, bind(0) with EADDRINUSE.");
  CHECK_THAT(found[0].explanation, Contains("nginx (pid 42) holds 99 of them"));
  CHECK_THAT(all_steps(found[0]), Contains("grep pid=42,") && Contains("ip_local_port_range"));
}

TEST_CASE("Causes go by the thresholds of their checks", "[causes]") {
  KnownHost host;
  host.add_listener(8080, 60, 99);
  host.give_descriptors(600, 1000);
  host.proc_files["sys/net/netfilter/nf_conntrack_max"] = "1000\n";
  host.proc_files["sys/net/netfilter/nf_conntrack_count"] = "600\n";
  CHECK(causes(host).empty());

  const struct {
    std::string_view check;
    Cause cause;
  } cases[] = {{"listen-queues", Cause::accept_queue_full},
               {"file-descriptors", Cause::descriptors},
               {"conntrack", Cause::conntrack}};
  for (const auto& [check, cause] : cases) {
    CAPTURE(check);
    const CheckThresholds chosen{{std::string(check), {.warning = 50, .critical = 60}}};
    const auto found = causes(host, chosen);
    REQUIRE(found.size() == 1);
    CHECK(found[0].cause == cause);
    CHECK(found[0].status == Status::critical);
  }
}

TEST_CASE("Every cause has a name for programs", "[causes]") {
  CHECK(to_string(Cause::churn) == "churn");
  CHECK(to_string(Cause::conntrack) == "conntrack");
  CHECK(to_string(Cause::udp_ports) == "udp_ports");
  CHECK(to_string(Cause::ports_bound) == "ports_bound");
}
