#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <cstring>

#include "tests/exposition.h"
#include "tests/fake_kernel.h"

using namespace socket_exporter;

namespace {

constexpr std::string_view kPort = "netns=\"host\",namespace=\"\",pod=\"\",port=\"8003\"";

/// A kernel that follows WebSockets of the host's namespace at port 8003.
struct FollowingKernel : FakeKernel {
  explicit FollowingKernel(const sx_websocket_counts& counts = {}) {
    netns = {{1, "host", 100}};
    WebsocketRecord record{{.netns = {100, 1}, .port = 8003}};
    std::memcpy(record.counters.data(), &counts, sizeof counts);
    websocket_counts = WebsocketCounts{.records = {record}};
    add(1, true, 8003, TcpState::listen);
    for (int i = 0; i < 20; ++i) add(1, true, 8003, TcpState::established);
  }

  /// Of a server here, or of a client of one elsewhere.
  void add(std::uint32_t netns_of_it, bool inbound, std::uint16_t port, TcpState state) {
    Socket socket;
    socket.netns = netns_of_it;
    socket.inbound = inbound;
    socket.state = state;
    socket.remote.bytes[0] = 1;
    (inbound ? socket.local_port : socket.remote_port) = port;
    sockets.push_back(socket);
  }

  void add(const WebsocketRecord& like, std::uint32_t netns_of_it, std::uint64_t opened) {
    sx_websocket_counts counts{};
    counts.opened = opened;
    WebsocketRecord record = like;
    record.key.netns = {100ULL * netns_of_it, netns_of_it};
    std::memcpy(record.counters.data(), &counts, sizeof counts);
    websocket_counts->records.push_back(record);
  }
};

const WebsocketSettings kAsked{.ports = {.server = {8003}}};

std::string shown(Kernel& kernel, const WebsocketSettings& asked = kAsked) {
  CollectorRunner runner;
  runner.options.websocket = asked;
  const auto text = runner.run(kernel, "websockets");
  REQUIRE(text);
  return *text;
}

std::string line(std::string_view name, std::string_view more, std::uint64_t value) {
  return fmt::format("{}{{{}{}{}}} {}", name, kPort, more.empty() ? "" : ",", more, value);
}

}  // namespace

TEST_CASE("WebSocket connections are shown with every reason and kind", "[websockets]") {
  sx_websocket_counts counts{};
  counts.opened = 9;
  counts.adopted = 1;
  counts.closed[SX_GOING_AWAY][SX_BY_SERVER] = 3;
  counts.closed[SX_ABNORMAL_TIMEOUT][SX_BY_NONE] = 1;
  counts.errors[SX_HTTP_4XX] = 4;
  counts.messages[SX_IN][SX_TEXT] = 50;
  counts.messages[SX_OUT][SX_PONG] = 6;
  counts.bytes[SX_OUT] = 700;
  FollowingKernel kernel(counts);
  const std::string text = shown(kernel);
  CHECK_THAT(text, HasLine(line("websocket_connections_active", "", 6)));
  CHECK_THAT(text, HasLine(line("websocket_connections_total", "", 9)));
  constexpr std::string_view kClosed = "websocket_disconnections_total";
  CHECK_THAT(text, HasLine(line(kClosed, "reason=\"going_away\",initiator=\"server\"", 3)));
  CHECK_THAT(text, HasLine(line(kClosed, "reason=\"abnormal_timeout\",initiator=\"none\"", 1)));
  CHECK_THAT(text, HasLine(line(kClosed, "reason=\"application_4xxx\",initiator=\"client\"", 0)));
  constexpr std::string_view kErrors = "websocket_connection_errors_total";
  CHECK_THAT(text, HasLine(line(kErrors, "error_type=\"http_4xx\"", 4)));
  CHECK_THAT(text, HasLine(line(kErrors, "error_type=\"refused\"", 0)));
  constexpr std::string_view kMessages = "websocket_messages_total";
  CHECK_THAT(text, HasLine(line(kMessages, "direction=\"in\",opcode=\"text\"", 50)));
  CHECK_THAT(text, HasLine(line(kMessages, "direction=\"out\",opcode=\"pong\"", 6)));
  CHECK_THAT(text, HasLine(line(kMessages, "direction=\"in\",opcode=\"close\"", 0)));
  CHECK_THAT(text, HasLine(line("websocket_message_bytes_total", "direction=\"out\"", 700)));
}

TEST_CASE("lifetimes have edges on either side of the idle timeouts of proxies", "[websockets]") {
  sx_websocket_counts counts{};
  counts.silence.milliseconds = 60'500;
  counts.silence.buckets[9] = 1;
  counts.duration.buckets[SX_LIFETIME_BUCKETS - 1] = 1;
  FollowingKernel kernel(counts);
  const std::string text = shown(kernel);
  constexpr std::string_view kIdle = "websocket_idle_before_close_seconds";
  for (const auto& [below, above] :
       {std::pair(29, 31), std::pair(59, 61), std::pair(98, 102), std::pair(238, 242),
        std::pair(298, 302), std::pair(348, 352)}) {
    const auto bucket = [&](int edge, int count) {
      return HasLine(line(fmt::format("{}_bucket", kIdle), fmt::format("le=\"{}\"", edge),
                          static_cast<std::uint64_t>(count)));
    };
    CHECK_THAT(text, bucket(below, below > 60 ? 1 : 0));
    CHECK_THAT(text, bucket(above, above > 60 ? 1 : 0));
  }
  CHECK_THAT(text, HasLine(fmt::format("{}_sum{{{}}} 60.5", kIdle, kPort)));
  constexpr std::string_view kDuration = "websocket_connection_duration_seconds_bucket";
  CHECK_THAT(text, HasLine(line(kDuration, "le=\"86400\"", 0)));
  CHECK_THAT(text, HasLine(line(kDuration, "le=\"+Inf\"", 1)));
}

TEST_CASE("latencies are histograms by kind", "[websockets]") {
  sx_websocket_counts counts{};
  counts.latencies[SX_PING_LATENCY].nanoseconds = 1'500'000'000;
  counts.latencies[SX_PING_LATENCY].buckets[1] = 2;
  FollowingKernel kernel(counts);
  const std::string text = shown(kernel);
  constexpr std::string_view kLatency = "websocket_message_latency_seconds";
  const std::string bucket = fmt::format("{}_bucket", kLatency);
  CHECK_THAT(text, HasLine(line(bucket, "kind=\"ping\",le=\"6.4e-05\"", 0)));
  CHECK_THAT(text, HasLine(line(bucket, "kind=\"ping\",le=\"0.000128\"", 2)));
  CHECK_THAT(text, HasLine(line(fmt::format("{}_count", kLatency), "kind=\"request\"", 0)));
  CHECK_THAT(text, HasLine(fmt::format("{}_sum{{{},kind=\"ping\"}} 1.5", kLatency, kPort)));
}

TEST_CASE("a configured port without a connection is zero, once", "[websockets]") {
  FollowingKernel kernel;
  kernel.websocket_counts->records.clear();
  const std::string text = shown(kernel, {.ports = {.server = {8003}, .client = {8003, 9000}}});
  CHECK_THAT(text, HasLine(line("websocket_connections_active", "", 0)));
  CHECK_THAT(text, HasLine(line("websocket_connections_total", "", 0)));
  CHECK_THAT(text, HasLine(line("websocket_connections_total", "role=\"client\"", 0)));
  CHECK_THAT(text, HasLine("websocket_connections_total{netns=\"host\",namespace=\"\",pod=\"\","
                           "port=\"9000\",role=\"client\"} 0"));
}

TEST_CASE("connections inside of TLS have a label more, and others are as without them",
          "[websockets]") {
  sx_websocket_counts counts{};
  counts.opened = 9;
  FollowingKernel kernel(counts);
  WebsocketRecord inside = kernel.websocket_counts->records.front();
  inside.key.tls = true;
  counts.opened = 4;
  std::memcpy(inside.counters.data(), &counts, sizeof counts);
  kernel.websocket_counts->records.push_back(inside);
  const std::string text = shown(kernel, {.ports = {.server = {8003, 8004}, .tls = true}});
  constexpr std::string_view kTotal = "websocket_connections_total";
  CHECK_THAT(text, HasLine(line(kTotal, "", 9)));
  CHECK_THAT(text, HasLine(line(kTotal, "tls=\"true\"", 4)));
  CHECK_THAT(text, HasLine(line("websocket_connections_active", "tls=\"true\"", 4)));
  CHECK_THAT(text, HasLine(line("websocket_messages_total",
                                "direction=\"in\",opcode=\"text\",tls=\"true\"", 0)));
  constexpr std::string_view kUnseen =
      "websocket_connections_total{netns=\"host\",namespace=\"\",pod=\"\",port=\"8004\"";
  CHECK_THAT(text, HasLine(fmt::format("{}}} 0", kUnseen)));
  CHECK_THAT(text, HasLine(fmt::format("{},tls=\"true\"}} 0", kUnseen)));
}

TEST_CASE("clients have a label more, and no limit", "[websockets]") {
  FollowingKernel kernel;
  kernel.netns.push_back({2, "pod", 200});
  const WebsocketRecord record = kernel.websocket_counts->records.front();
  kernel.websocket_counts->records.clear();
  kernel.add(record, 1, 3);
  kernel.add(record, 2, 5);
  for (int i = 0; i < 4; ++i) kernel.add(2, false, 8003, TcpState::established);
  const std::string text =
      shown(kernel, {.ports = {.server = {8003}, .client = {8003}}, .limits = {{8003, 10}}});
  constexpr std::string_view kOfPod = "{netns=\"pod\",namespace=\"\",pod=\"\",port=\"8003\"";
  CHECK_THAT(text, HasLine(line("websocket_connections_active", "", 3)));
  CHECK_THAT(text, HasLine(line("websocket_connections_limit", "", 10)));
  CHECK_THAT(text,
             HasLine(fmt::format("websocket_connections_total{},role=\"client\"}} 5", kOfPod)));
  // One of the five was closed when nobody looked.
  CHECK_THAT(text,
             HasLine(fmt::format("websocket_connections_active{},role=\"client\"}} 4", kOfPod)));
  CHECK(text.find("websocket_connections_limit{netns=\"pod\"") == std::string::npos);
  CHECK(
      text.find("websocket_connections_limit{netns=\"host\",namespace=\"\",pod=\"\",port=\"8003\","
                "role") == std::string::npos);
}

TEST_CASE("a learned port is a server's where somebody listens at it", "[websockets]") {
  sx_websocket_counts counts{};
  counts.opened = 3;
  FollowingKernel kernel(counts);
  const WebsocketSettings asked{.ports = {.client = {8003}, .learns = true}};
  CHECK_THAT(shown(kernel, asked), HasLine(line("websocket_connections_active", "", 3)));
  kernel.sockets.erase(kernel.sockets.begin());
  CHECK_THAT(shown(kernel, asked),
             HasLine(line("websocket_connections_total", "role=\"client\"", 3)));
}

TEST_CASE("a connection without a socket is not open, whatever was missed", "[websockets]") {
  sx_websocket_counts counts{};
  counts.opened = 3;
  FollowingKernel kernel(counts);
  kernel.sockets.clear();
  CHECK_THAT(shown(kernel), HasLine(line("websocket_connections_active", "", 0)));
  kernel.add(1, true, 8003, TcpState::close_wait);
  kernel.add(1, true, 8003, TcpState::time_wait);
  CHECK_THAT(shown(kernel), HasLine(line("websocket_connections_active", "", 1)));
  CHECK_THAT(shown(kernel), HasLine(line("websocket_connections_total", "", 3)));
}

TEST_CASE("who can have ended a connection without a close frame depends on its end here",
          "[websockets]") {
  FollowingKernel kernel;
  const auto ends = [&](const WebsocketSettings& asked, std::string_view more,
                        std::string_view pair) {
    return shown(kernel, asked)
               .find(line("websocket_disconnections_total", fmt::format("{}{}", pair, more), 0)) !=
           std::string::npos;
  };
  const WebsocketSettings client{.ports = {.client = {8003}}};
  constexpr std::string_view kRole = ",role=\"client\"";
  constexpr std::string_view kResetByServer = "reason=\"abnormal_reset\",initiator=\"server\"";
  constexpr std::string_view kResetByClient = "reason=\"abnormal_reset\",initiator=\"client\"";
  constexpr std::string_view kLocalByServer = "reason=\"abnormal_local\",initiator=\"server\"";
  constexpr std::string_view kNormalByNone = "reason=\"normal\",initiator=\"none\"";
  CHECK(ends(kAsked, "", kResetByClient));
  CHECK(ends(kAsked, "", kLocalByServer));
  CHECK_FALSE(ends(kAsked, "", kResetByServer));
  CHECK_FALSE(ends(kAsked, "", kNormalByNone));
  CHECK(ends(client, kRole, kResetByServer));
  CHECK_FALSE(ends(client, kRole, kResetByClient));
  CHECK_FALSE(ends(client, kRole, kLocalByServer));
}

TEST_CASE("a port has as many series as the README says", "[websockets]") {
  FollowingKernel kernel;
  const std::string text = shown(kernel);
  std::size_t series = 0;
  for (auto at = text.find(kPort); at != std::string::npos; at = text.find(kPort, at + 1)) ++series;
  CHECK(series == 173);
}

TEST_CASE("a limit is shown at each server of its port, those without a connection too",
          "[websockets]") {
  FollowingKernel kernel;
  const WebsocketSettings asked{.ports = {.server = {8003, 8004, 8005}},
                                .limits = {{8003, 100}, {8004, 200}, {9000, 300}}};
  const std::string text = shown(kernel, asked);
  CHECK_THAT(text, HasLine(line("websocket_connections_limit", "", 100)));
  CHECK_THAT(text, HasLine("websocket_connections_limit{netns=\"host\",namespace=\"\",pod=\"\","
                           "port=\"8004\"} 200"));
  CHECK(text.find(
            "websocket_connections_limit{netns=\"host\",namespace=\"\",pod=\"\",port=\"8005\"") ==
        std::string::npos);
  CHECK(text.find("9000") == std::string::npos);
}

TEST_CASE("a port that is not asked for any more is not shown, a learned one is", "[websockets]") {
  FollowingKernel kernel;
  CHECK(shown(kernel, {.ports = {.client = {9000}}}).find("8003") == std::string::npos);
  CHECK_THAT(shown(kernel, {.ports = {.learns = true}}),
             HasLine(line("websocket_connections_active", "", 0)));
}

TEST_CASE("what could not be followed is counted", "[websockets]") {
  FollowingKernel kernel;
  kernel.websocket_counts->adopted = 1;
  kernel.websocket_counts->desynced = 2;
  kernel.websocket_counts->resynced = 3;
  kernel.websocket_counts->repaired = 4;
  kernel.websocket_counts->pool_exhausted = 5;
  kernel.websocket_counts->ports_refused = 7;
  kernel.websocket_counts->missed = 6;
  const std::string text = shown(kernel);
  CHECK_THAT(text, HasLine("websocket_tracker_adopted_total 1"));
  CHECK_THAT(text, HasLine("websocket_tracker_desync_total 2"));
  CHECK_THAT(text, HasLine("websocket_tracker_resync_total 3"));
  CHECK_THAT(text, HasLine("websocket_tracker_repaired_total 4"));
  CHECK_THAT(text, HasLine("websocket_tracker_pool_exhausted_total 5"));
  CHECK_THAT(text, HasLine("websocket_tracker_ports_refused_total 7"));
  CHECK_THAT(text, HasLine("websocket_tracker_missed_total 6"));
}

TEST_CASE("where WebSockets are not followed, connections of the ports are counted by scans",
          "[websockets]") {
  FakeKernel kernel;
  kernel.netns = {{1, "host"}, {2, "pod"}};
  kernel.websocket_counts = Error{Error::Kind::unavailable, "not followed"};
  kernel.websocket_ends_counted = WebsocketEnds{.ended = {{8003, 7}}, .missed = 1};
  const auto add = [&](std::uint32_t netns, bool inbound, std::uint16_t port, TcpState state) {
    Socket socket;
    socket.netns = netns;
    socket.inbound = inbound;
    socket.state = state;
    (inbound ? socket.local_port : socket.remote_port) = port;
    kernel.sockets.push_back(socket);
  };
  add(1, true, 8003, TcpState::established);
  add(1, true, 8003, TcpState::established);
  add(1, true, 8003, TcpState::time_wait);
  add(1, false, 8003, TcpState::established);  // of a server elsewhere
  add(1, false, 9000, TcpState::established);
  add(2, true, 8003, TcpState::established);
  const std::string text =
      shown(kernel, {.ports = {.server = {8003}, .client = {9000}}, .limits = {{8003, 5}}});
  CHECK_THAT(text, HasLine(line("websocket_connections_active", "", 2)));
  CHECK_THAT(text, HasLine(line("websocket_connections_limit", "", 5)));
  constexpr std::string_view kClosed = "websocket_disconnections_total";
  CHECK_THAT(text, HasLine(line(kClosed, "reason=\"unknown\",initiator=\"none\"", 7)));
  CHECK_THAT(text, HasLine("websocket_connections_active{netns=\"host\",namespace=\"\",pod=\"\","
                           "port=\"9000\",role=\"client\"} 1"));
  CHECK_THAT(text, HasLine("websocket_connections_active{netns=\"pod\",namespace=\"\",pod=\"\","
                           "port=\"8003\"} 1"));
  CHECK_THAT(text,
             HasLine("websocket_disconnections_total{netns=\"host\",namespace=\"\",pod=\"\","
                     "port=\"9000\",reason=\"unknown\",initiator=\"none\",role=\"client\"} 0"));
  CHECK_THAT(text, HasLine("websocket_tracker_missed_total 1"));
  CHECK(text.find("websocket_connections_total") == std::string::npos);
}

TEST_CASE("where WebSockets are not followed there is nothing, and it is no failure",
          "[websockets]") {
  FakeKernel kernel;
  kernel.websocket_counts = Error{Error::Kind::unavailable, "not followed"};
  CHECK(expose(kernel, "websockets").empty());
  kernel.websocket_counts = Error{Error::Kind::io, "bpf map"};
  CHECK(expose_error(kernel, "websockets").kind == Error::Kind::io);
}
