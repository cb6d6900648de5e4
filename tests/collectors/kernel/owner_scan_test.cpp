#include "collectors/kernel/owner_scan.h"

#include <catch2/catch.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>

#include "tests/collectors/kernel/temporary_directory.h"

using namespace socket_exporter;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

Workload container_of(std::uint32_t pid, std::uint64_t cgroup) {
  return {"", "", std::to_string(pid) + "/" + std::to_string(cgroup), ""};
}

Deadline soon() {
  return std::chrono::steady_clock::now() + 30s;
}

}  // namespace

TEST_CASE("a cheap answer is outdated at once, a dear one after a minute", "[owner_scan]") {
  CHECK(is_outdated(9ms, 0s));
  CHECK_FALSE(is_outdated(10ms, 59s));
  CHECK(is_outdated(10ms, 60s));
}

TEST_CASE("a procfs with other processes than ours is read itself, anew each time",
          "[owner_scan]") {
  const TemporaryDirectory tree;
  const fs::path root = tree.path();
  fs::create_directories(root / "10/fd");
  fs::create_symlink("socket:[500]", root / "10/fd/0");
  OwnerScan scan(root.string(), container_of);

  CHECK_FALSE(scan.counts());
  CHECK(scan.feature().name == "process_walk");
  CHECK_FALSE(scan.feature().on);
  CHECK_THAT(scan.feature().reason, Catch::EndsWith("of another pid namespace; reading /proc/*/fd "
                                                    "instead"));
  const auto& first = scan.for_scrape({}, soon());
  REQUIRE(first);
  CHECK_FALSE(first->counts());
  CHECK(first->owner_of(500) == 0);
  CHECK(first->processes().front().workload.container == "10/0");
  CHECK(scan.with_inodes(soon()));

  fs::create_symlink("socket:[501]", root / "10/fd/1");
  CHECK(scan.for_scrape({}, soon())->owner_of(501) == 0);
}
