#include "exporter/diagnosis/netns_choice.h"

#include <catch2/catch.hpp>

#include "tests/exporter/diagnosis/known_host.h"

using namespace socket_exporter;
using Catch::Matchers::Contains;

namespace {

/// Three namespaces, in one of which process 77 is.
struct ManyHost : KnownHost {
  ManyHost() {
    netns = {{1, "host"}, {2, "blue"}, {3, "shop/cart-7d"}, {4, "42"}};
    netns_of_pid = {{42, 2}, {77, 3}, {78, 99}};
  }

  Result<std::vector<NetNs>> choose(std::string_view wanted) {
    return with_snapshot(
        {}, [&](Snapshot& snapshot) { return choose_namespaces(*this, snapshot, wanted); });
  }

  std::string chosen(std::string_view wanted) {
    const auto found = choose(wanted);
    return found && found->size() == 1 ? found->front().name : "not one";
  }

  std::string error(std::string_view wanted) {
    const auto found = choose(wanted);
    return found ? "no error" : found.error().what;
  }
};

}  // namespace

TEST_CASE("A namespace is chosen by name or by a process in it", "[netns_choice]") {
  ManyHost host;
  CHECK(host.chosen("host") == "host");
  CHECK(host.chosen("shop/cart-7d") == "shop/cart-7d");
  CHECK(host.chosen("77") == "shop/cart-7d");
  CHECK(host.choose("all")->size() == 4);
}

TEST_CASE("A name goes before the number of a process", "[netns_choice]") {
  CHECK(ManyHost().chosen("42") == "42");
}

TEST_CASE("Namespaces that metrics have no room for can be chosen too", "[netns_choice]") {
  ManyHost host;
  const CollectorOptions options{.netstat_fields = *FieldFilter::compile(""), .max_namespaces = 1};
  const ServiceMap services;
  History history;
  Snapshot snapshot(host, host.netns, Deadline::max(), options, services, history);
  const auto found = choose_namespaces(host, snapshot, "77");
  REQUIRE(found);
  CHECK(found->front().inode == 3);
  CHECK(found->front().shown);
}

TEST_CASE("What is not there is one line with names that are", "[netns_choice]") {
  ManyHost host;
  CHECK(host.error("bleu") ==
        "There is no network namespace \"bleu\"; did you mean \"blue\"? There is: host, blue, "
        "shop/cart-7d, 42.");
  CHECK_THAT(host.error("79"), Contains("\"79\" (stat /proc/79/ns/net). There is: host, "));
  CHECK_THAT(host.error("78"), Contains("is in net:[99], which was not found"));
  CHECK_THAT(host.error(""), Contains("no network namespace \"\""));
  CHECK_THAT(host.error("\x1b[2J"), Contains("\"?[2J\""));
  CHECK(host.error(std::string(5000, 'x')).size() < 300);
  for (std::uint32_t inode = 10; inode < 40; ++inode) {
    host.netns.push_back({inode, "n" + std::to_string(inode)});
  }
  CHECK_THAT(host.error("nowhere"), Contains("42, n10, n11 and 28 more."));
}
