#include <fmt/format.h>

#include <array>
#include <catch2/catch.hpp>
#include <map>

#include "collectors/kernel/process.h"
#include "tests/exposition.h"
#include "tests/fake_kernel.h"

using namespace socket_exporter;

namespace {

constexpr std::string_view kSockets = "socket_process_sockets";
constexpr std::string_view kOpenFds = "socket_process_open_fds";
constexpr std::string_view kLimit = "socket_process_fds_limit";

HeldSockets established(std::uint32_t count) {
  HeldSockets held;
  held.tcp[static_cast<std::size_t>(TcpState::established)] = count;
  return held;
}

Process process(std::uint32_t pid, std::string comm, std::uint64_t open_fds = 10,
                std::optional<std::uint64_t> limit = 1000) {
  return {pid, std::move(comm), open_fds, limit, 1};
}

/// A host where the kernel counts: process i holds so many established sockets.
class CountingKernel : public FakeKernel {
 public:
  CountingKernel(std::vector<Process> processes, const std::vector<std::uint32_t>& held) {
    Owners::Counts counts;
    for (std::uint32_t i = 0; i < held.size(); ++i) {
      if (held[i] > 0) counts.held[{i, 1}] = established(held[i]);
    }
    owners = Owners(std::move(processes), {}, 0, std::move(counts));
  }
};

std::string line(std::string_view comm, std::string_view state, int value,
                 std::string_view netns = "host") {
  return fmt::format(
      "socket_process_sockets{{netns=\"{}\",namespace=\"\",pod=\"\",container=\"\",comm=\"{}\","
      "state=\"{}\"}} {}",
      netns, comm, state, value);
}

std::string fds_line(std::string_view metric, std::string_view comm, int value) {
  return fmt::format("{}{{netns=\"host\",namespace=\"\",pod=\"\",container=\"\",comm=\"{}\"}} {}",
                     metric, comm, value);
}

}  // namespace

TEST_CASE("processes with the same labels are one series, zeroes too", "[processes]") {
  CountingKernel kernel({process(10, "nginx"), process(20, "nginx"), process(30, "sshd")},
                        {3, 4, 1});
  const std::string text = expose(kernel, "processes");
  CHECK_THAT(text, HasLine(line("nginx", "established", 7)));
  CHECK_THAT(text, HasLine(line("nginx", "listen", 0)));
  CHECK_THAT(text, HasLine(line("nginx", "udp", 0)));
  CHECK_THAT(text, HasLine(line("sshd", "established", 1)));
  CHECK_THAT(text, HasLine(line("other", "established", 0)));
  CHECK_THAT(text, !Catch::Contains("time_wait") && !Catch::Contains("new_syn_recv"));
  CHECK(kernel.owner_walks == 1);
}

TEST_CASE("where the kernel counts nothing, sockets are matched by inode", "[processes]") {
  FakeKernel kernel;
  kernel.netns = {{1, "host"}, {2, "blue"}};
  kernel.owners = Owners({process(10, "nginx"), process(20, "sshd")},
                         {{500, 0}, {501, 0}, {501, 1}, {502, 1}, {503, 0}}, 0);
  kernel.sockets = {
      {.netns = 1, .inode = 500, .state = TcpState::listen},
      {.netns = 1, .inode = 501, .state = TcpState::established},
      {.netns = 2, .inode = 502, .state = TcpState::close_wait},
      {.netns = 1, .inode = 503, .protocol = Protocol::udp},
      {.netns = 1, .inode = 0, .state = TcpState::time_wait},
      {.netns = 1, .inode = 999, .state = TcpState::established},
  };
  const std::string text = expose(kernel, "processes");
  CHECK_THAT(text, HasLine(line("nginx", "listen", 1)));
  CHECK_THAT(text, HasLine(line("nginx", "established", 1)));
  CHECK_THAT(text, HasLine(line("nginx", "udp", 1)));
  CHECK_THAT(text, HasLine(line("sshd", "close_wait", 1, "blue")));
  CHECK_THAT(text, HasLine(line("other", "established", 0)));
  CHECK_THAT(text, HasLine(line("other", "established", 0, "blue")));
  CHECK(kernel.owner_walks == 1);
}

TEST_CASE("descriptors are those of the fullest process of a group", "[processes]") {
  CountingKernel kernel({process(10, "app", 900, 10000), process(20, "app", 90, 100),
                         process(30, "app", 5000, kUnlimited)},
                        {1, 1, 1});
  const std::string text = expose(kernel, "processes");
  CHECK_THAT(text, HasLine(fds_line(kOpenFds, "app", 90)));
  CHECK_THAT(text, HasLine(fds_line(kLimit, "app", 100)));
}

TEST_CASE("a process without a limit shows none", "[processes]") {
  const auto limit = GENERATE(std::optional<std::uint64_t>(), std::optional(kUnlimited));
  CountingKernel kernel({process(10, "app", 90, limit)}, {1});
  const std::string text = expose(kernel, "processes");
  CHECK_THAT(text, HasLine(fds_line(kOpenFds, "app", 90)));
  CHECK_THAT(text, !Catch::Contains(std::string(kLimit) + "{"));
}

TEST_CASE("a process without sockets is shown when it runs out of descriptors", "[processes]") {
  CountingKernel kernel({process(10, "idle", 499, 1000), process(20, "full", 500, 1000)}, {0, 0});
  const std::string text = expose(kernel, "processes");
  CHECK_THAT(text, HasLine(line("full", "established", 0)));
  CHECK_THAT(text, HasLine(fds_line(kOpenFds, "full", 500)));
  CHECK_THAT(text, !Catch::Contains("idle"));
}

TEST_CASE("processes beyond the top are summed in other, and stay a while", "[processes]") {
  CountingKernel kernel({process(10, "a"), process(20, "b"), process(30, "c")}, {5, 3, 2});
  CollectorRunner runner;
  runner.options.top_processes = 1;
  const auto first = runner.run(kernel, "processes");
  REQUIRE(first);
  CHECK_THAT(*first, HasLine(line("a", "established", 5)));
  CHECK_THAT(*first, HasLine(line("other", "established", 5)));
  CHECK_THAT(*first, HasLine(fds_line(kOpenFds, "a", 10)));
  CHECK_THAT(*first, !Catch::Contains("comm=\"b\"") && !Catch::Contains("comm=\"c\""));
  CHECK(runner.history.overflow.at(kSockets) == 2);

  CountingKernel later({process(10, "a"), process(20, "b")}, {1, 3});
  const auto second = runner.run(later, "processes");
  REQUIRE(second);
  CHECK_THAT(*second, HasLine(line("a", "established", 1)));
  CHECK_THAT(*second, HasLine(line("b", "established", 3)));
  CHECK_THAT(*second, HasLine(line("other", "established", 0)));
}

TEST_CASE("a process that calls itself other counts as the rest", "[processes]") {
  CountingKernel kernel({process(10, "other"), process(20, "a")}, {5, 3});
  const std::string text = expose(kernel, "processes");
  CHECK_THAT(text, HasLine(line("other", "established", 5)));
  CHECK_THAT(text, !Catch::Contains(std::string(kOpenFds) + "{netns=\"host\",namespace=\"\",pod="
                                                            "\"\",container=\"\",comm=\"other\""));
}

TEST_CASE("a name of any bytes becomes a label that can be read", "[processes]") {
  CountingKernel kernel({process(10,
                                 "\x1b[2J\n\x7f\xc2\x85"
                                 "caf\xc3\xa9\xff\xc3")},
                        {1});
  CHECK_THAT(expose(kernel, "processes"),
             HasLine(line("?[2J???caf\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd", "established", 1)));
}

TEST_CASE("a process carries its pod, and its sockets their own namespace", "[processes]") {
  Process worker = process(10, "app");
  worker.workload = {"shop", "cart-1", "0123456789ab", "uid"};
  Owners::Counts counts;
  counts.held[{0, 2}] = established(4);
  FakeKernel kernel;
  kernel.netns = {{1, "host"}, {2, "shop/cart-1"}};
  kernel.owners = Owners({worker}, {}, 0, counts);
  const std::string text = expose(kernel, "processes");
  const std::string labels =
      ",namespace=\"shop\",pod=\"cart-1\",container=\"0123456789ab\",comm=\"app\"";
  CHECK_THAT(text, HasLine("socket_process_sockets{netns=\"shop/cart-1\"" + labels +
                           ",state=\"established\"} 4"));
  CHECK_THAT(text, !Catch::Contains(std::string(kOpenFds) + "{netns=\"shop/cart-1\""));
}

TEST_CASE("without owners there are no processes, but a reason", "[processes]") {
  FakeKernel kernel;
  kernel.owners = Error{Error::Kind::denied, "open /proc"};
  CHECK(expose_error(kernel, "processes").what == "open /proc");
}

TEST_CASE("TIME_WAIT counts where its connections were opened, and no socket is lost",
          "[processes]") {
  CountingKernel kernel({process(10, "pool")}, {3});
  kernel.netns = {{1, "host", 100}};
  const auto opener = [](std::string comm, std::uint64_t time_wait) {
    ConnectRecord made;
    made.key = {.netns = {100, 1}, .comm = std::move(comm)};
    made.key.destination = *parse_address("10.0.0.1");
    made.key.port = 443;
    made.counters[SX_ATTEMPTS] = made.counters[SX_TIME_WAIT] = time_wait;
    return made;
  };
  kernel.connect_counts =
      ConnectCounts{.connects = {opener("a", 5), opener("b", 3), opener("pool", 2)}};
  Socket closed{.remote = *parse_address("10.0.0.1"), .netns = 1};
  closed.remote_port = 443;
  closed.state = TcpState::time_wait;
  const auto sockets = GENERATE(0U, 7U, 10U, 12U);
  kernel.sockets.assign(sockets, closed);
  CollectorRunner runner;

  const auto text = runner.run_all(kernel, {"connects", "processes"});

  REQUIRE(text);
  const std::map<std::uint32_t, std::array<int, 3>> expected{
      {0, {0, 0, 0}}, {7, {3, 2, 2}}, {10, {5, 3, 2}}, {12, {5, 3, 2}}};
  const auto [a, b, pool] = expected.at(sockets);
  CHECK_THAT(*text, HasLine(line("pool", "established", 3)));
  CHECK_THAT(*text, HasLine(line("pool", "time_wait", pool)));
  CHECK_THAT(*text, HasLine(line("other", "time_wait", 0)));
  if (sockets > 0) {
    CHECK_THAT(*text, HasLine(line("a", "time_wait", a)));
    CHECK_THAT(*text, HasLine(line("b", "time_wait", b)));
  }
}
