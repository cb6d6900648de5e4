#include "exporter/diagnosis/report.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "collectors/base/text.h"
#include "tests/exporter/diagnosis/known_host.h"

using namespace socket_exporter;
using Catch::Matchers::Contains;

namespace {

std::string plain(KnownHost& host) {
  return report_text(judge_report(host.inspect_all(), {}), false);
}

struct Extent {
  std::size_t lines = 0;
  std::size_t columns = 0;
};

Extent extent_of(std::string_view text) {
  Extent extent;
  while (!text.empty()) {
    extent.columns = std::max(extent.columns, next_line(text).size());
    ++extent.lines;
  }
  return extent;
}

// Everything at once, with the longest names there are.
void fill(KnownHost& host) {
  const auto long_address = [](int last) {
    return *parse_address("2001:db8:ffff:ffff:ffff:ffff:ffff:f0" + std::to_string(last));
  };
  for (int peer = 10; peer < 20; ++peer) {
    host.add_outgoing(9, TcpState::close_wait, 1, long_address(peer));
  }
  for (Socket& socket : host.sockets) socket.local = long_address(99);
  for (std::uint16_t port = 60000; port < 60010; ++port) host.add_listener(port, 500, 100);
  host.give_descriptors(1'000'000, 1'000'001);
  host.proc_files["sys/net/ipv4/ip_local_reserved_ports"] =
      "20099,21000-22000,23000-24000,25000-26000,27000-28000,29000-30000,31000-32000\n";
  host.proc_files["sys/net/netfilter/nf_conntrack_max"] = "1000\n";
  host.proc_files["sys/net/netfilter/nf_conntrack_count"] = "999\n";
}

}  // namespace

TEST_CASE("The verdict is the report's first line, its cause the next", "[report]") {
  KnownHost host;
  host.add_outgoing(89, TcpState::time_wait);
  host.add_outgoing(10, TcpState::established);

  const std::string text = plain(host);

  CHECK(text.starts_with("CRITICAL  10.0.0.5 -> 10.1.2.3:443 (payments) has 99 of 99 ports"));
  CHECK_THAT(text, Contains("\nCause     Connection churn: 89 of 99 (89 %)"));
  CHECK_THAT(text, Contains("\nDo        For the moment: sysctl -w net.ipv4.tcp_tw_reuse=1"));
  CHECK_THAT(text, Contains("\nPorts     20000-20099: 100 ports, 1 reserved, 99 usable"));
  CHECK_THAT(text, Contains("[TTTTTTTTTTTTTTTTTTTTTTTTTTTEEE] 89 time_wait, 10 established"));
  CHECK_THAT(text, Contains("       42 nginx                  10          10"));
  CHECK_THAT(text, Contains("tcp_fin_timeout=60, somaxconn=128"));
}

TEST_CASE("TIME_WAIT that gives its port back is not in the bar", "[report]") {
  KnownHost host;
  host.proc_files["sys/net/ipv4/tcp_tw_reuse"] = "1\n";
  host.add_outgoing(50, TcpState::time_wait);
  host.add_outgoing(20, TcpState::established);
  CHECK_THAT(plain(host), Contains("[EEEEEE........................] 50 time_wait, 20 established; "
                                   "50 give their port back"));
}

TEST_CASE("Ports that only connect() or only bind(0) can take have a line", "[report]") {
  KnownHost host;
  host.proc_files["sys/net/ipv4/tcp_tw_reuse"] = "1\n";
  host.add_bound(10);
  host.add_outgoing(20, TcpState::time_wait);
  CHECK_THAT(plain(host),
             Contains("89 usable for connect(); 30 in use (30 %)\n"
                      "          10 ports held by bind() or listen(), which connect() never takes\n"
                      "          20 ports in TIME_WAIT that connect() takes over, and bind(0) does "
                      "not\n"));
}

TEST_CASE("UDP has a line once it has a part of the ports", "[report]") {
  KnownHost host;
  host.add_udp(9);
  CHECK(plain(host).find("UDP") == std::string::npos);
  host.add_udp(55);
  CHECK_THAT(plain(host),
             Contains("\n          UDP: 64 of 99 in use (64 %), for every destination; "
                      "64 by nginx (pid 42)\n"));
}

TEST_CASE("The process with no descriptors left has a row, with sockets or without", "[report]") {
  KnownHost host;
  host.netns = {{1, "host"}, {2, "blue"}};
  host.put_nginx(2, {});
  host.give_descriptors(950, 1000);
  host.add_outgoing(1, TcpState::established, 1);
  const std::string text = plain(host);
  CHECK(text.starts_with("CRITICAL  nginx (pid 42) in network namespace blue has 950 of 1,000"));
  CHECK_THAT(text, Contains("\n                 42 nginx                   0           0 ") &&
                       Contains("  950 / 1,000\n"));
  host.give_descriptors(10, 1000);
  CHECK_THAT(plain(host), !Contains("nginx"));
}

TEST_CASE("Only steps that need a namespace ask to enter it", "[report]") {
  KnownHost host;
  host.netns = {{1, "host"}, {2, "blue"}};
  host.put_nginx(2, {});
  const auto text_of_blue = [&] {
    Report blue = judge_report(std::move(host.inspect_everywhere()[1]), {});
    return report_text(blue, false);
  };
  SECTION("not those about descriptors") {
    host.give_descriptors(950, 1000);
    CHECK_THAT(text_of_blue(), Contains("prlimit --pid 42") && !Contains("inside the namespace"));
  }
  SECTION("but those about ports") {
    host.added_to = 2;
    host.add_outgoing(90, TcpState::established);
    CHECK_THAT(text_of_blue(), Contains("inside the namespace: nsenter --target 42 --net"));
  }
}

TEST_CASE("A calm host has a short report", "[report]") {
  KnownHost host;
  host.add_listener(80, 1, 128);
  host.add_outgoing(30, TcpState::established);
  const std::string text = plain(host);
  CHECK(
      text.starts_with("OK        30 of 99 ephemeral ports are in use (30 %), the fullest tuple "
                       "has 30 %"));
  CHECK(text.find("Cause") == std::string::npos);
  CHECK_THAT(text, Contains("[EEEEEEEEE.....................] 30 established"));
  CHECK_THAT(text, Contains("Listeners 0.0.0.0:80  1 of 128 wait for accept()  nginx (pid 42)"));
  CHECK(extent_of(text).lines < 20);
}

TEST_CASE("A report fits a screen, whatever is wrong", "[report]") {
  KnownHost host;
  fill(host);
  const Extent extent = extent_of(plain(host));
  CHECK(extent.columns <= 100);
  CHECK(extent.lines <= 40);
}

TEST_CASE("A report is plain ASCII without colours, and no process can write to the terminal",
          "[report]") {
  KnownHost host;
  fill(host);
  const std::string text = plain(host);
  CHECK_THAT(text, Contains("?[2J|evil?"));
  CHECK(std::all_of(text.begin(), text.end(),
                    [](char c) { return c == '\n' || (c >= ' ' && c <= '~'); }));
  CHECK_THAT(report_text(judge_report(host.inspect_all(), {}), true), Contains("\x1b[31m"));
}

TEST_CASE("The thresholds of system-ports decide what the report calls critical", "[report]") {
  KnownHost host;
  host.add_outgoing(60, TcpState::established);
  CHECK(judge_report(host.inspect_all(), {}).status == Status::warning);
  CHECK(judge_report(host.inspect_all(), {{"system-ports", {.warning = {}, .critical = 60}}})
            .status == Status::critical);
}

TEST_CASE("A report that cannot be made says why", "[report]") {
  KnownHost host;
  host.scan_error = Error{Error::Kind::denied, "netlink: not permitted"};
  CHECK(plain(host) ==
        "UNKNOWN   Could not be read: netlink: not permitted.\n"
        "Do        Run it as root of the host, outside of any container.\n");
  const auto json = nlohmann::json::parse(report_json(judge_report(host.inspect_all(), {}), {}));
  CHECK(json["status"] == "unknown");
}

TEST_CASE("Without owners a report still tells about ports", "[report]") {
  KnownHost host;
  host.add_outgoing(60, TcpState::time_wait);
  host.owners = Error{Error::Kind::denied, "open /proc"};
  const std::string text = plain(host);
  CHECK_THAT(text, Contains("Processes open /proc"));
  CHECK_THAT(text, Contains("Who: ss -tnp dst '10.1.2.3:443' shows which process"));
}

TEST_CASE("As JSON a report has the same content", "[report]") {
  KnownHost host;
  host.add_listener(8080, 129, 128);
  host.add_outgoing(90, TcpState::time_wait);

  const auto json =
      nlohmann::ordered_json::parse(report_json(judge_report(host.inspect_all(), {}), {}));

  std::vector<std::string> keys;
  for (const auto& [key, value] : json.items()) keys.push_back(key);
  CHECK(keys == std::vector<std::string>{"status",
                                         "headline",
                                         "netns",
                                         "findings",
                                         "unread",
                                         "websockets",
                                         "activeWebsockets",
                                         "tcpStates",
                                         "udpSockets",
                                         "ports",
                                         "tupleCount",
                                         "tuples",
                                         "watched",
                                         "leftOutSockets",
                                         "processes",
                                         "unreadableProcesses",
                                         "closeWait",
                                         "listeners",
                                         "listenOverflows",
                                         "listenDrops",
                                         "conntrack",
                                         "sysctls",
                                         "time",
                                         "thresholds",
                                         "features"});
  CHECK(json["unread"].is_null());
  CHECK(json["status"] == "critical");
  CHECK(json["headline"] == json["findings"][0]["headline"]);
  CHECK(json["findings"][0]["cause"] == "churn");
  CHECK(json["findings"][1]["cause"] == "accept_queue_full");
  CHECK(json["ports"]["usedPorts"] == 90);
  CHECK(json["tuples"][0]["service"] == "payments");
  CHECK(json["tuples"][0]["states"]["time_wait"] == 90);
  CHECK(json["listeners"][0]["waiting"] == 129);
  CHECK(json["conntrack"].is_null());
  CHECK(json["sysctls"]["net.ipv4.tcp_tw_reuse"] == "0");
}
