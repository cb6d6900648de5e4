#include "exporter/diagnosis/overview.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "collectors/base/text.h"
#include "tests/exporter/diagnosis/known_host.h"

using namespace socket_exporter;
using Catch::Matchers::Contains;

namespace {

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) lines.emplace_back(next_line(text));
  return lines;
}

/// A calm host, a pod that has no port left, and as many calm namespaces as asked for.
struct Cluster : KnownHost {
  explicit Cluster(std::uint32_t others) {
    const Workload cart{"shop", "cart-7d", "", "uid-1"};
    netns = {{1, "host"}, {2, "cni-5", 0, cart}};
    for (std::uint32_t inode = 3; inode < 3 + others; ++inode) {
      netns.push_back({inode, "net:[" + std::to_string(inode) + "]"});
    }
    put_nginx(2, cart);
    add_outgoing(1, TcpState::established, 1);
    added_to = 2;
    add_outgoing(90, TcpState::time_wait);
    add_outgoing(9, TcpState::close_wait);
  }
};

}  // namespace

TEST_CASE("The first screen says which namespace is in trouble", "[overview]") {
  Cluster host(30);

  const std::string text = overview_text(host.report_everywhere(), false);

  CHECK(host.scans == 1);
  CHECK(text.starts_with("CRITICAL  cni-5: 10.0.0.5 -> 10.1.2.3:443 has 99 of 99 ports in use"));
  CHECK_THAT(text,
             Contains("\nStatus    namespace                pod                tuple  ports   "
                      "sockets cl_wait  top process\n"
                      "CRITICAL  cni-5                    shop/cart-7d       100 %     99    "
                      "    99       9  nginx (pid 42)\n"
                      "OK        host                                          1 %      1   "));
  CHECK_THAT(text, Contains("\n          and 16 more: 16 ok\n"));
  const auto lines = lines_of(text);
  const auto full = std::find(lines.begin(), lines.end(), "In full   cni-5");
  REQUIRE(full != lines.end());
  CHECK(full - lines.begin() <= 24);
  CHECK_THAT(text, Contains("\nNetns     cni-5 (inode 2, shop/cart-7d)\n"));
  CHECK_THAT(text, Contains("nsenter --target 42 --net"));
  for (const std::string& line : lines) CHECK(line.size() <= 100);
}

TEST_CASE("Names too long for the table keep both ends", "[overview]") {
  Cluster host(0);
  host.netns[1].name = "production-europe/checkout-frontend-6d4cf56db6-x2x7q";
  host.netns[1].workload = {};
  CHECK_THAT(overview_text(host.report_everywhere(), false),
             Contains("\nCRITICAL  production-..56db6-x2x7q 100 %"));
}

TEST_CASE("All well is said in a line, and the fullest shown in full", "[overview]") {
  KnownHost host;
  host.netns = {{1, "host"}, {2, "blue"}};
  host.added_to = 2;
  host.add_outgoing(20, TcpState::established);
  const std::string text = overview_text(host.report_everywhere(), false);
  CHECK(text.starts_with("OK        2 namespaces: 2 ok; the fullest is blue.\n"));
  CHECK_THAT(text, Contains("\nIn full   blue\n"));
}

TEST_CASE("A namespace that cannot be read has a row with the reason", "[overview]") {
  KnownHost host;
  host.netns = {{1, "host"}, {2, "blue"}};
  host.unread = {2};
  const std::string text = overview_text(host.report_everywhere(), false);
  CHECK(text.starts_with("UNKNOWN   blue: Could not be read: its sockets may not be looked at."));
  CHECK_THAT(text, Contains("\nUNKNOWN   blue  "));
  CHECK_THAT(text, Contains("\nIn full   host\n"));
}

TEST_CASE("As JSON all reports are in one array, worst first", "[overview]") {
  Cluster host(1);
  const auto json = nlohmann::json::parse(reports_json(host.report_everywhere(), {}));
  CHECK(json["status"] == "critical");
  CHECK(json["netns"]["name"] == "cni-5");
  REQUIRE(json["reports"].size() == 3);
  const auto& worst = json["reports"][0];
  CHECK(worst["headline"] == json["headline"]);
  CHECK(worst["netns"]["inode"] == 2);
  CHECK(worst["netns"]["namespace"] == "shop");
  CHECK(worst["netns"]["pod"] == "cart-7d");
  CHECK(worst["netns"]["podUid"] == "uid-1");
  CHECK_FALSE(worst["netns"].contains("container"));
  CHECK(worst["processes"][0]["process"] == "nginx");
  CHECK(worst["processes"][0]["pod"] == "cart-7d");
  CHECK(json["reports"][1]["netns"]["name"] == "host");
}
