#include "exporter/scrape/process_metrics.h"

#include <fmt/format.h>

#include <catch2/catch.hpp>

#include "collectors/kernel/units.h"
#include "tests/exposition.h"
#include "tests/fake_kernel.h"
#include "tests/fixtures.h"

using namespace socket_exporter;
using Catch::Matchers::Contains;

namespace {

struct Outcome {
  Result<> status;
  std::string text;
};

Outcome run(FakeKernel& kernel) {
  const CollectorRunner runner;
  History history;
  Snapshot snapshot(kernel, kernel.netns, std::chrono::steady_clock::now(), runner.options,
                    runner.services, history);
  Families families;
  auto status = add_process_metrics(snapshot, kernel, families);
  return {std::move(status), to_text(std::move(families))};
}

}  // namespace

TEST_CASE("process metrics are the client libraries' names and units", "[process_metrics]") {
  FakeKernel kernel;
  kernel.proc_files = proc_fixtures();
  const auto ticks = ticks_per_second();
  kernel.proc_files["self/stat"] =
      fmt::format("7 (a b) S 1 7 7 0 -1 0 9 0 0 0 {} {} 0 0 20 0 1 0 {} 3133440 374 0\n", ticks,
                  ticks / 2, 2 * ticks);
  kernel.proc_files["stat"] = "btime 1795266654\n";
  kernel.entries["self/fd"] = 11;

  const auto [status, text] = run(kernel);

  REQUIRE(status);
  CHECK_THAT(text, HasLine("# TYPE process_cpu_seconds_total counter"));
  CHECK_THAT(text, HasLine("process_cpu_seconds_total 1.5"));
  CHECK_THAT(text, HasLine("process_open_fds 11"));
  CHECK_THAT(text, HasLine("process_max_fds 20000"));
  CHECK_THAT(text, HasLine("process_virtual_memory_bytes 3133440"));
  CHECK_THAT(text, Contains("\nprocess_virtual_memory_max_bytes 1.8446744073709"));
  CHECK_THAT(text, HasLine(fmt::format("process_resident_memory_bytes {}", 374 * page_size())));
  CHECK_THAT(text, HasLine("process_start_time_seconds 1795266656"));
  for (const MetricInfo& metric : process_metrics()) {
    CHECK_THAT(text, Contains("# HELP " + std::string(metric.name) + " "));
  }
}

TEST_CASE("process metrics come together or not at all", "[process_metrics]") {
  FakeKernel kernel;
  kernel.proc_files = proc_fixtures();
  kernel.entries["self/fd"] = 11;
  REQUIRE(run(kernel).status);

  SECTION("no directory") {
    kernel.entries.clear();
  }
  SECTION("no file") {
    kernel.proc_files.erase("self/limits");
  }
  SECTION("malformed") {
    kernel.proc_files["stat"] = "btime x\n";
  }

  const auto [status, text] = run(kernel);
  CHECK_FALSE(status);
  CHECK(text.empty());
}
