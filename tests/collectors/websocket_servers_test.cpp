#include <fmt/format.h>

#include <catch2/catch.hpp>

#include "collectors/kernel/units.h"
#include "tests/exposition.h"
#include "tests/fake_kernel.h"

using namespace socket_exporter;

namespace {

constexpr std::string_view kCpu = "websocket_server_cpu_seconds_total";
constexpr std::string_view kMemory = "websocket_server_resident_memory_bytes";
constexpr std::uint32_t kListener = 500;

ProcessStat stat(std::uint64_t seconds, std::uint64_t start = 1, std::uint64_t pages = 10) {
  const auto ticks = seconds * static_cast<std::uint64_t>(ticks_per_second());
  return {.user_time = ticks / 2,
          .system_time = ticks - ticks / 2,
          .start_time = start,
          .resident_pages = pages};
}

std::string line(std::string_view name, std::uint64_t value, std::string_view comm = "node",
                 std::string_view pod = "") {
  return fmt::format(R"({}{{netns="host",namespace="",pod="{}",port="8003",comm="{}"}} {})", name,
                     pod, comm, value);
}

Process process(std::uint32_t pid, std::string comm, Workload workload = {}) {
  return {pid, std::move(comm), 10, 1000, 1, std::move(workload)};
}

std::uint64_t bytes(std::uint64_t pages) {
  return pages * static_cast<std::uint64_t>(page_size());
}

/// A host with a listener at port 8003, that processes share.
struct ServingKernel : FakeKernel {
  explicit ServingKernel(std::vector<Process> processes) {
    sockets = {listener(8003, kListener), listener(8004, 600)};
    hold(std::move(processes));
  }

  static Socket listener(std::uint16_t port, std::uint32_t inode) {
    Socket socket;
    socket.netns = 1;
    socket.inode = inode;
    socket.state = TcpState::listen;
    socket.local_port = port;
    return socket;
  }

  void hold(std::vector<Process> processes) {
    std::vector<Owners::SocketOwner> held;
    for (std::uint32_t i = 0; i < processes.size(); ++i) held.push_back({kListener, i});
    owners = Owners(std::move(processes), std::move(held), 0);
  }
};

struct Runner : CollectorRunner {
  Runner() { options.websocket.ports.server = {8003}; }
  std::string text(Kernel& kernel) {
    const auto text = run(kernel, "websocket_servers");
    REQUIRE(text);
    return *text;
  }
};

}  // namespace

TEST_CASE("processes that share the listener of a WebSocket port are added up by their labels",
          "[websocket_servers]") {
  ServingKernel kernel({process(10, "nginx"), process(11, "node"), process(12, "node"),
                        process(13, "node", {"", "chat", "", "1"})});
  kernel.process_stats = {
      {10, stat(1)}, {11, stat(20, 1, 3)}, {12, stat(300, 1, 4)}, {13, stat(4000)}};
  const std::string text = Runner{}.text(kernel);
  CHECK_THAT(text, HasLine(line(kCpu, 1, "nginx")));
  CHECK_THAT(text, HasLine(line(kCpu, 320)));
  CHECK_THAT(text, HasLine(line(kMemory, bytes(7))));
  CHECK_THAT(text, HasLine(line(kCpu, 4000, "node", "chat")));
}

TEST_CASE("CPU time does not run backwards when one of several servers ends or begins anew",
          "[websocket_servers]") {
  const Process first = process(11, "node");
  const Process second = process(12, "node");
  ServingKernel kernel({first, second});
  kernel.process_stats = {{11, stat(100)}, {12, stat(50)}};
  Runner runner;
  CHECK_THAT(runner.text(kernel), HasLine(line(kCpu, 150)));

  SECTION("it is not there any more") {
    kernel.hold({second});
    kernel.process_stats[12] = stat(51);
    const std::string text = runner.text(kernel);
    CHECK_THAT(text, HasLine(line(kCpu, 151)));
    CHECK_THAT(text, HasLine(line(kMemory, bytes(10))));
  }
  SECTION("the owners are those of a minute ago") {
    kernel.process_stats.erase(11);
    const std::string text = runner.text(kernel);
    CHECK_THAT(text, HasLine(line(kCpu, 150)));
    CHECK_THAT(text, HasLine(line(kMemory, bytes(10))));
  }
  SECTION("another process has its pid") {
    kernel.process_stats[11] = stat(3, 2);
    CHECK_THAT(runner.text(kernel), HasLine(line(kCpu, 153)));
  }
  SECTION("it was out of sight for a while") {
    kernel.hold({second});
    CHECK_THAT(runner.text(kernel), HasLine(line(kCpu, 150)));
    kernel.hold({first, second});
    kernel.process_stats[11] = stat(101);
    CHECK_THAT(runner.text(kernel), HasLine(line(kCpu, 151)));
  }
}

TEST_CASE("without a listener at a WebSocket port no process is looked for",
          "[websocket_servers]") {
  ServingKernel kernel({process(11, "node")});
  kernel.process_stats = {{11, stat(100)}};
  Runner runner;
  runner.options.websocket.ports.server = {8005};
  CHECK(runner.text(kernel).empty());
  CHECK(kernel.owner_walks == 0);
}

TEST_CASE("a process with two listeners of one port counts once", "[websocket_servers]") {
  ServingKernel kernel({process(11, "node")});
  kernel.sockets.push_back(ServingKernel::listener(8003, 501));
  kernel.owners = Owners({process(11, "node")}, {{kListener, 0}, {501, 0}}, 0);
  kernel.process_stats = {{11, stat(100, 1, 2)}};
  const std::string text = Runner{}.text(kernel);
  CHECK_THAT(text, HasLine(line(kCpu, 100)));
  CHECK_THAT(text, HasLine(line(kMemory, bytes(2))));
}
