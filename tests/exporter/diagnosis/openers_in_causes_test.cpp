#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "tests/exporter/diagnosis/known_host.h"

using namespace socket_exporter;
using Catch::Matchers::Contains;
using std::chrono::duration;

namespace {

constexpr duration<double> kShort{0.012};

Finding first_cause(const Inspection& seen) {
  const auto found = find_causes(seen, {});
  REQUIRE_FALSE(found.empty());
  return found.front();
}

std::string text_of(Inspection seen) {
  return report_text(judge_report(std::move(seen), {}), false);
}

}  // namespace

TEST_CASE("Churn names who opens the connections, not who keeps some", "[causes]") {
  KnownHost host;
  host.add_outgoing(50, TcpState::time_wait);
  host.add_outgoing(5, TcpState::established);  // nginx keeps these

  const Finding found = first_cause(host.inspect_watched({opener("checkout", 4242, 2)}, kShort));

  CHECK(found.cause == Cause::churn);
  CHECK(found.explanation ==
        "Connection churn: 50 of 55 (90 %) of its ports are held by TIME_WAIT, 5 by established "
        "connections. checkout (pid 4242) opens 1.0 connections/s to it; each lives 12 ms "
        "(median), 100 % under a second. At this rate TIME_WAIT, 60 s each, needs 60 ports, 60 % "
        "of those usable.");
  CHECK_THAT(found.headline, !Contains("nginx"));
}

TEST_CASE("A connect() that finds no port while it is watched is critical", "[causes]") {
  KnownHost host;
  host.add_outgoing(55, TcpState::time_wait, 0, *parse_address("10.9.9.9"));
  host.add_outgoing(50, TcpState::time_wait);
  for (Socket& socket : host.sockets) {  // of the same ports: another tuple
    if (socket.remote == kThere) socket.local_port -= 55;
  }

  const Finding found =
      first_cause(host.inspect_watched({opener("checkout", 1, 700, 300), opener("a", 2, 100, 60)}));

  CHECK(found.status == Status::critical);
  CHECK(found.headline ==
        "10.0.0.5 -> 10.1.2.3:443 (payments) has 50 of 99 ports in use (50 %): 180 connect() a "
        "second fail with EADDRNOTAVAIL.");
  CHECK_THAT(found.explanation,
             Contains("checkout (pid 1) 87 %, a (pid 2) 12 % open 220 connections/s to it."));
}

TEST_CASE("Failures far from exhaustion do not make a cause", "[causes]") {
  KnownHost host;
  host.add_outgoing(10, TcpState::established);
  CHECK(find_causes(host.inspect_watched({opener("checkout", 1, 700, 300)}), {}).empty());
}

TEST_CASE("Churn that is over is said to be", "[causes]") {
  KnownHost host;
  host.add_outgoing(55, TcpState::time_wait);
  host.add_outgoing(5, TcpState::established);
  const Finding found = first_cause(host.inspect_watched({}));
  CHECK_THAT(found.explanation,
             Contains("Nobody opened one in the 2.0 s that were watched.") && !Contains("nginx"));
  CHECK_THAT(found.steps.back(), Contains("shows which process, while a request runs"));
}

TEST_CASE("Where ports in TIME_WAIT are taken over there is no forecast", "[causes]") {
  KnownHost host;
  host.proc_files["sys/net/ipv4/tcp_tw_reuse"] = "1\n";
  host.add_outgoing(60, TcpState::time_wait);
  for (Socket& socket : host.sockets) socket.time_wait_left = std::chrono::milliseconds(59500);
  const Finding found = first_cause(host.inspect_watched({opener("checkout", 1, 700)}));
  CHECK(found.cause == Cause::churn);
  CHECK_THAT(found.explanation, Contains("opens 350 connections/s") && !Contains("At this rate"));
}

TEST_CASE("The step names what keeps connections in that runtime", "[causes]") {
  KnownHost host;
  host.add_outgoing(60, TcpState::time_wait);
  const auto [comm, how] = GENERATE(table<std::string, std::string>(
      {{"python3", "not a new one per request: one requests.Session or httpx.Client"},
       {"dotnet", "IHttpClientFactory, or one HttpClient with SocketsHttpHandler."},
       {"nginx", "keepalive in upstream {}"},
       {"checkout", "IHttpClientFactory or one HttpClient, one http.Client"}}));
  const Finding found = first_cause(host.inspect_watched({opener(comm, 7, 700)}));
  CHECK_THAT(found.steps.at(1), Contains(how));
}

TEST_CASE("A leak and a pool are told of those who hold them, with who opens", "[causes]") {
  KnownHost host;
  SECTION("a leak") {
    host.add_outgoing(60, TcpState::close_wait);
    const Finding found = first_cause(host.inspect_watched({opener("checkout", 7, 20)}));
    CHECK(found.cause == Cause::close_wait_leak);
    CHECK_THAT(found.explanation,
               Contains("60 of 60 (100 %) of its ports") &&
                   Contains("nginx (pid 42) talks to it. checkout (pid 7) opens 10 connections/s"));
    CHECK_THAT(found.steps.at(0), Contains("grep pid=42,"));
    CHECK_THAT(found.steps.at(1), Contains("Close on EOF"));
  }
  SECTION("a pool") {
    host.add_outgoing(60, TcpState::established);
    CHECK_THAT(first_cause(host.inspect_watched({opener("nginx", 42, 2)})).explanation,
               Contains("kept, not churned. nginx (pid 42) opens 1.0 connections/s to it."));
    CHECK_THAT(first_cause(host.inspect_watched({})).explanation,
               Contains("kept, not churned. nginx (pid 42) talks to it."));
  }
}

TEST_CASE("The report shows who opens connections, also when none is left", "[report]") {
  KnownHost host;
  const Inspection seen = host.inspect_watched({opener("checkout", 7, 20)}, kShort);
  CHECK_THAT(text_of(seen), Contains("\nOpened    10.1.2.3:443 (payments) 10/s by checkout (pid "
                                     "7); live 12 ms, 100 % under a second\n"));
  CHECK_THAT(text_of(host.inspect_all()), !Contains("Opened"));
}

TEST_CASE("As JSON a report says who opens connections", "[report]") {
  KnownHost host;
  host.add_outgoing(60, TcpState::time_wait);
  const auto json = [](Inspection seen) {
    return nlohmann::json::parse(report_json(judge_report(std::move(seen), {}), {}));
  };
  CHECK(json(host.inspect_all())["watched"].is_null());

  const auto watched = json(
      host.inspect_watched({opener("checkout", 7, 30, 10), opener("a", 8, 10)}, kShort))["watched"];

  CHECK(watched["seconds"] == 2);
  const auto& to = watched["destinations"].at(0);
  CHECK(to["destination"] == "10.1.2.3");
  CHECK(to["destinationPort"] == 443);
  CHECK(to["service"] == "payments");
  CHECK(to["opensPerSecond"] == 15);
  CHECK(to["failuresPerSecond"]["no_port"] == 5);
  CHECK(to["failuresPerSecond"]["refused"] == 0);
  CHECK(to["timeWaitPerSecond"] == 15);
  CHECK(to["lifetimeSeconds"] == 0.012);
  CHECK(to["shortLivedPercent"] == 100);
  CHECK(to["openers"][0]["process"] == "checkout");
  CHECK(to["openers"][0]["pid"] == 7);
  CHECK(to["openers"][0]["share"] == 0.75);
  CHECK(to["openers"][1]["opensPerSecond"] == 5);
}

TEST_CASE("What could not be watched is said, and the report is as without", "[report]") {
  KnownHost host;
  const Result<Observation> denied(Error{Error::Kind::unavailable, "needs CAP_BPF"});
  const Result<Observation> seen(Observation{std::chrono::seconds(2), {}, {}, {}});
  const auto text = [&](const Result<Observation>* observed) {
    return host.with_snapshot({}, [&](Snapshot& snapshot) {
      return report_text(make_reports(host, snapshot, {&snapshot.host(), 1}, {}, observed).front(),
                         false);
    });
  };
  CHECK_THAT(text(&denied), Contains("\nMissing   who opens connections: could not be read "
                                     "(needs CAP_BPF).\n"));
  CHECK_THAT(text(nullptr), !Contains("Missing"));
  CHECK(text(&seen) == text(nullptr));
}
