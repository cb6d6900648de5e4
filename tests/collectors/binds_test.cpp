#include <fmt/format.h>

#include <catch2/catch.hpp>

#include "tests/exposition.h"
#include "tests/fake_kernel.h"

using namespace socket_exporter;

namespace {

BindRecord record(std::string comm, Protocol protocol, BindCounters counters,
                  NetnsId netns = {100, 1}) {
  return {{netns, false, std::move(comm), protocol}, counters};
}

/// A kernel that counts failing bind() of the host's namespace.
struct FollowingKernel : FakeKernel {
  explicit FollowingKernel(std::vector<BindRecord> records = {}) {
    netns = {{1, "host", 100}};
    bind_counts->records = std::move(records);
  }
};

auto line(std::string_view netns, std::string_view comm, std::string_view protocol,
          std::string_view reason, int value) {
  return HasLine(
      fmt::format("socket_bind_failures_total{{netns=\"{}\",comm=\"{}\",protocol=\"{}\","
                  "reason=\"{}\"}} {}",
                  netns, comm, protocol, reason, value));
}

}  // namespace

TEST_CASE("failing binds are shown by process, protocol and reason", "[binds]") {
  FollowingKernel kernel({record("nginx", Protocol::tcp, {1, 2, 3, 4, 5}),
                          record("dig", Protocol::udp, {0, 7, 0, 0, 0})});
  kernel.bind_counts->missed = 3;
  CollectorRunner runner;
  const std::string text = *runner.run(kernel, "binds");
  CHECK_THAT(text, line("host", "nginx", "tcp", "in_use", 1));
  CHECK_THAT(text, line("host", "nginx", "tcp", "no_port", 2));
  CHECK_THAT(text, line("host", "nginx", "tcp", "not_available", 3));
  CHECK_THAT(text, line("host", "nginx", "tcp", "denied", 4));
  CHECK_THAT(text, line("host", "nginx", "tcp", "other", 5));
  CHECK_THAT(text, line("host", "dig", "udp", "no_port", 7));
  CHECK_THAT(text, line("host", "other", "other", "in_use", 0));
  CHECK(runner.history.missed_events.at("binds") == 3);
}

TEST_CASE("what found no room and what is not shown is other", "[binds]") {
  BindRecord rest{{.is_rest = true}, {0, 0, 0, 0, 3}};
  FollowingKernel kernel({rest, record("cart", Protocol::udp, {4}, {200, 2})});
  kernel.netns.push_back({2, "shop/cart", 200});
  CollectorRunner runner;
  runner.options.max_namespaces = 1;
  const auto text = runner.run(kernel, "binds");
  REQUIRE(text);
  CHECK_THAT(*text, line("other", "other", "other", "in_use", 4));
  CHECK_THAT(*text, line("other", "other", "other", "other", 3));
}

TEST_CASE("processes beyond the limit are summed in other", "[binds]") {
  std::vector<BindRecord> records;
  for (int i = 1; i <= 102; ++i) {
    records.push_back(record(fmt::format("p{}", i), Protocol::tcp, {std::uint64_t(i)}));
  }
  FollowingKernel kernel(std::move(records));
  CollectorRunner runner;
  const auto text = runner.run(kernel, "binds");
  REQUIRE(text);
  CHECK_THAT(*text, line("host", "p3", "tcp", "in_use", 3));
  CHECK_THAT(*text, line("host", "other", "other", "in_use", 1 + 2));
  CHECK(runner.history.overflow.at("socket_bind_failures_total") == 2);
}

TEST_CASE("where binds are not followed there is nothing, and it is no failure", "[binds]") {
  FakeKernel kernel;
  kernel.bind_counts = Error{Error::Kind::unavailable, "not followed"};
  CHECK(expose(kernel, "binds").empty());
  kernel.bind_counts = Error{Error::Kind::io, "bpf map"};
  CHECK(expose_error(kernel, "binds").kind == Error::Kind::io);
}
