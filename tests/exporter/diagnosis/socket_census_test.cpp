#include "exporter/diagnosis/socket_census.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "exporter/diagnosis/report.h"
#include "tests/exporter/diagnosis/known_host.h"

using namespace socket_exporter;
using Catch::Matchers::Contains;

namespace {

constexpr std::uint32_t kRoom = PortUsage::kMaxTuples;

IpAddress numbered(std::uint32_t number) {
  return *parse_address(std::to_string(11 + (number >> 16U)) + ".0." +
                        std::to_string((number >> 8U) & 0xFFU) + "." +
                        std::to_string(number & 0xFFU));
}

// The one socket of the host again and again, each time with another peer and local address: so
// many that the tables are full. The first groups come once more at the end.
void crowd(KnownHost& host, std::uint32_t beyond) {
  const Socket model = host.sockets.at(0);
  host.sockets.clear();
  const auto add = [&](std::uint32_t number) {
    Socket socket = model;
    socket.local = numbered(number);
    socket.remote = numbered(number);
    host.sockets.push_back(socket);
  };
  for (std::uint32_t number = 0; number < kRoom + beyond; ++number) add(number);
  for (int again = 0; again < 60; ++again) add(7);
}

}  // namespace

TEST_CASE("What is known counts on once the tables are full", "[socket_census]") {
  KnownHost host;
  host.add_outgoing(1, TcpState::close_wait);
  crowd(host, 3);

  const Inspection seen = host.inspect_all();

  REQUIRE(seen.sockets);
  const SeenLeftOut& left_out = seen.sockets->left_out;
  CHECK(left_out.tuples == 3);
  CHECK(left_out.sources == 3);
  CHECK(left_out.peers == 3);
  CHECK(left_out.close_waits == 3);
  REQUIRE(!seen.sockets->sources.empty());
  CHECK(seen.sockets->sources[0].address == numbered(7));
  CHECK(seen.sockets->sources[0].sockets == 61);
  REQUIRE(seen.sockets->close_waits.size() == 1);
  CHECK(seen.sockets->close_waits[0].peer == numbered(7));
  CHECK(seen.sockets->close_waits[0].close_wait == kRoom + 63);
}

TEST_CASE("The report says how many sockets were left out", "[socket_census]") {
  KnownHost host;
  host.add_outgoing(1, TcpState::established);
  crowd(host, 2);

  const Report report = judge_report(host.inspect_all(), {});

  CHECK_THAT(report_text(report, false),
             Contains("\nLeft out  2 sockets of tuples, 2 sockets of sources, 2 sockets of peers: "
                      "their tables are full.\n"));
  const auto json = nlohmann::json::parse(report_json(report, {}));
  CHECK(json["leftOutSockets"]["tuples"] == 2);
  CHECK(json["leftOutSockets"]["closeWait"] == 0);
}

TEST_CASE("A host with room for all has no word about it", "[socket_census]") {
  KnownHost host;
  host.add_outgoing(1, TcpState::established);
  const Report report = judge_report(host.inspect_all(), {});
  CHECK(report_text(report, false).find("Left out") == std::string::npos);
  CHECK(nlohmann::json::parse(report_json(report, {}))["leftOutSockets"]["tuples"] == 0);
}
