#include <fmt/format.h>

#include <catch2/catch.hpp>

#include "tests/exposition.h"
#include "tests/fake_kernel.h"

using namespace socket_exporter;

namespace {

ConnectRecord record(std::string_view address, std::uint16_t port, std::uint64_t attempts) {
  ConnectRecord made;
  made.key = {.netns = {100, 1}, .cgroup = 7, .comm = "curl"};
  made.key.destination = *parse_address(address);
  made.key.port = port;
  made.counters[SX_ATTEMPTS] = attempts;
  return made;
}

/// A kernel that follows connections of the host's namespace.
struct FollowingKernel : FakeKernel {
  explicit FollowingKernel(std::vector<ConnectRecord> records = {}) {
    netns = {{1, "host", 100}};
    connect_counts = ConnectCounts{.connects = std::move(records)};
  }
};

constexpr std::string_view kCurl =
    "netns=\"host\",namespace=\"\",pod=\"\",container=\"\",comm=\"curl\","
    "destination=\"10.0.0.1\",destination_port=\"443\",peer_service=\"\"";
constexpr std::string_view kRest =
    "netns=\"host\",namespace=\"\",pod=\"\",container=\"\",comm=\"\","
    "destination=\"other\",destination_port=\"\",peer_service=\"\"";

std::string line(std::string_view name, std::string_view labels, std::uint64_t value) {
  return fmt::format("{}{{{}}} {}", name, labels, value);
}

}  // namespace

TEST_CASE("connections are shown with every reason and kind", "[connects]") {
  ConnectRecord one = record("10.0.0.1", 443, 10);
  one.counters[SX_FAILED_NO_PORT] = 3;
  one.counters[SX_CLOSED_ACTIVE] = 5;
  one.counters[SX_TIME_WAIT] = 4;
  one.counters[SX_SHORT_LIVED] = 2;
  FollowingKernel kernel({one});
  const std::string text = expose(kernel, "connects");
  const auto with = [](std::string_view label) { return fmt::format("{},{}", kCurl, label); };
  CHECK_THAT(text, HasLine(line("socket_connect_attempts_total", kCurl, 10)));
  CHECK_THAT(text, HasLine(line("socket_connect_failures_total", with("reason=\"no_port\""), 3)));
  for (const char* reason : {"refused", "timeout", "reset", "unreachable", "aborted", "other"}) {
    CHECK_THAT(text, HasLine(line("socket_connect_failures_total",
                                  with(fmt::format("reason=\"{}\"", reason)), 0)));
  }
  CHECK_THAT(text, HasLine(line("socket_connections_closed_total", with("kind=\"active\""), 5)));
  for (const char* kind : {"passive", "reset", "timeout", "aborted"}) {
    CHECK_THAT(text, HasLine(line("socket_connections_closed_total",
                                  with(fmt::format("kind=\"{}\"", kind)), 0)));
  }
  CHECK_THAT(text, HasLine(line("socket_time_wait_created_total", kCurl, 4)));
  CHECK_THAT(text, HasLine(line("socket_connections_short_lived_total", kCurl, 2)));
  CHECK_THAT(text, HasLine(line("socket_connect_attempts_total", kRest, 0)));
}

TEST_CASE("a connection carries its pod, and its destination the operator's name", "[connects]") {
  FollowingKernel kernel({record("10.0.0.1", 443, 1)});
  kernel.workload_of_cgroup[7] = {"shop", "cart", "0123456789ab", "uid"};
  CollectorRunner runner;
  runner.services = ServiceMap({{*parse_cidr("10.0.0.0/8"), 443, "payments"}});
  const auto text = runner.run(kernel, "connects");
  REQUIRE(text);
  CHECK_THAT(*text, HasLine("socket_connect_attempts_total{netns=\"host\",namespace=\"shop\","
                            "pod=\"cart\",container=\"0123456789ab\",comm=\"curl\","
                            "destination=\"10.0.0.1\",destination_port=\"443\","
                            "peer_service=\"payments\"} 1"));
}

TEST_CASE("connections beyond the top are summed in other", "[connects]") {
  FollowingKernel kernel(
      {record("10.0.0.1", 443, 10), record("10.0.0.2", 443, 2), record("10.0.0.3", 443, 1)});
  CollectorRunner runner;
  runner.options.top_connects = 1;
  const auto text = runner.run(kernel, "connects");
  REQUIRE(text);
  CHECK_THAT(*text, HasLine(line("socket_connect_attempts_total", kCurl, 10)));
  CHECK_THAT(*text, HasLine(line("socket_connect_attempts_total", kRest, 3)));
  CHECK(runner.history.overflow.at("socket_connect_attempts_total") == 2);
}

TEST_CASE("namespaces that are not shown are one", "[connects]") {
  ConnectRecord hidden = record("10.0.0.1", 443, 4);
  hidden.key.netns = {200, 2};
  FollowingKernel kernel({hidden});
  kernel.netns.push_back({2, "shop/cart", 200});
  CollectorRunner runner;
  runner.options.max_namespaces = 1;
  const auto text = runner.run(kernel, "connects");
  REQUIRE(text);
  CHECK_THAT(*text, HasLine("socket_connect_attempts_total{netns=\"other\",namespace=\"\","
                            "pod=\"\",container=\"\",comm=\"\",destination=\"other\","
                            "destination_port=\"\",peer_service=\"\"} 4"));
}

TEST_CASE("times are histograms by destination", "[connects]") {
  FollowingKernel kernel;
  ConnectTimes times{{*parse_address("10.0.0.1"), 443}};
  // 64 to 128 microseconds, 67 to 134 seconds, and over 67 minutes.
  times.times[SX_CONNECTING][0] = 1'500'000'000;
  times.times[SX_CONNECTING][1 + 1] = 2;
  times.times[SX_CONNECTING][1 + 21] = 1;
  times.times[SX_ESTABLISHED][1 + 1] = 2;
  times.times[SX_ESTABLISHED][1 + 26] = 1;
  times.times[SX_ESTABLISHED][1 + 27] = 1;
  kernel.connect_counts->times = {times};
  const std::string text = expose(kernel, "connects");
  const auto bucket = [](std::string_view name, std::string_view bound, int count) {
    return HasLine(
        fmt::format("{}_bucket{{destination=\"10.0.0.1\",destination_port=\"443\","
                    "peer_service=\"\",le=\"{}\"}} {}",
                    name, bound, count));
  };
  constexpr std::string_view kConnect = "socket_connect_duration_seconds";
  CHECK_THAT(text, bucket(kConnect, "6.4e-05", 0));
  CHECK_THAT(text, bucket(kConnect, "0.000128", 2));
  CHECK_THAT(text, bucket(kConnect, "67.108864", 2));
  CHECK_THAT(text, bucket(kConnect, "+Inf", 3));
  CHECK_THAT(text, HasLine("socket_connect_duration_seconds_sum{destination=\"10.0.0.1\","
                           "destination_port=\"443\",peer_service=\"\"} 1.5"));
  constexpr std::string_view kLifetime = "socket_connection_duration_seconds";
  CHECK_THAT(text, bucket(kLifetime, "6.4e-05", 0));
  CHECK_THAT(text, bucket(kLifetime, "0.000256", 2));
  CHECK_THAT(text, bucket(kLifetime, "4294.967296", 3));
  CHECK_THAT(text, bucket(kLifetime, "+Inf", 4));
  CHECK_THAT(text, !Catch::Contains("socket_close_wait_seconds_count{destination=\"10.0.0.1\""));
  CHECK_THAT(text, HasLine("socket_close_wait_seconds_count{destination=\"other\","
                           "destination_port=\"\",peer_service=\"\"} 0"));
}

TEST_CASE("response times are there where they are taken", "[connects]") {
  FollowingKernel kernel;
  ConnectTimes times{{*parse_address("10.0.0.1"), 443}};
  times.times[SX_RESPONSE][0] = 3'000'000;
  times.times[SX_RESPONSE][1 + 5] = 2;
  kernel.connect_counts->times = {times};
  CHECK_THAT(expose(kernel, "connects"), !Catch::Contains("socket_response_seconds"));

  kernel.connect_counts->has_responses = true;
  const std::string text = expose(kernel, "connects");
  constexpr std::string_view kLabels =
      "destination=\"10.0.0.1\",destination_port=\"443\",peer_service=\"\"";
  CHECK_THAT(text, HasLine(line("socket_response_seconds_count", kLabels, 2)));
  CHECK_THAT(text, HasLine(fmt::format("socket_response_seconds_sum{{{}}} 0.003", kLabels)));
  CHECK_THAT(text, HasLine(fmt::format("socket_response_seconds_bucket{{{},le=\"0.001024\"}} 0",
                                       kLabels)));
  CHECK_THAT(text, HasLine(fmt::format("socket_response_seconds_bucket{{{},le=\"0.002048\"}} 2",
                                       kLabels)));
  CHECK_THAT(text, HasLine("socket_response_seconds_count{destination=\"other\","
                           "destination_port=\"\",peer_service=\"\"} 0"));
}

TEST_CASE("searches, older connections and missed events are shown", "[connects]") {
  FollowingKernel kernel;
  kernel.connect_counts->searches = {{{100, 1}, {2'000'000, 1, 1}}};
  kernel.connect_counts->older_closed = 6;
  kernel.connect_counts->missed = 7;
  kernel.connect_counts->missed_searches = 8;
  CollectorRunner runner;
  const std::string text = *runner.run(kernel, "connects");
  CHECK_THAT(text, HasLine("socket_port_search_seconds_bucket{netns=\"host\",le=\"6.4e-05\"} 1"));
  CHECK_THAT(text, HasLine("socket_port_search_seconds_count{netns=\"host\"} 2"));
  CHECK_THAT(text, HasLine("socket_port_search_seconds_sum{netns=\"host\"} 0.002"));
  CHECK_THAT(text, HasLine("socket_connections_older_closed_total 6"));
  CHECK(runner.history.missed_events.at("connects") == 7);
  CHECK(runner.history.missed_events.at("searches") == 8);
}

TEST_CASE("where connections are not followed there is nothing, and it is no failure",
          "[connects]") {
  FakeKernel kernel;
  kernel.connect_counts = Error{Error::Kind::unavailable, "not followed"};
  CHECK(expose(kernel, "connects").empty());
  kernel.connect_counts = Error{Error::Kind::io, "bpf map"};
  CHECK(expose_error(kernel, "connects").kind == Error::Kind::io);
}

TEST_CASE("a destination that is shown has the parts of those who opened its connections",
          "[connects]") {
  ConnectRecord curl = record("10.0.0.1", 443, 13);
  curl.counters[SX_FAILED_NO_PORT] = 10;
  ConnectRecord cart = record("10.0.0.1", 443, 1);
  cart.key.cgroup = 8;
  FollowingKernel kernel({curl, cart, record("10.0.0.2", 443, 1)});
  kernel.workload_of_cgroup[8] = {"shop", "cart", "0123456789ab", "uid"};
  Socket closed{.remote = *parse_address("10.0.0.1"), .netns = 1};
  closed.remote_port = 443;
  closed.state = TcpState::time_wait;
  kernel.sockets = {closed};
  CollectorRunner runner;
  runner.services = ServiceMap({{*parse_cidr("10.0.0.0/8"), 443, "payments"}});
  const auto text = runner.run_all(kernel, {"destinations", "connects"});
  REQUIRE(text);
  const std::string to =
      "socket_destination_opener_ratio{netns=\"host\",destination=\"10.0.0.1\","
      "destination_port=\"443\",peer_service=\"payments\",";
  CHECK_THAT(*text, HasLine(to + "namespace=\"\",pod=\"\",container=\"\",comm=\"curl\"} 0.75"));
  CHECK_THAT(*text, HasLine(to + "namespace=\"shop\",pod=\"cart\",container=\"0123456789ab\","
                                 "comm=\"curl\"} 0.25"));
  CHECK_THAT(*text, !Catch::Contains("opener_ratio{netns=\"host\",destination=\"10.0.0.2\""));
}
