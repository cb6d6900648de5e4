#include "collectors/kernel/netns_walk.h"

#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>

#include "tests/collectors/kernel/temporary_directory.h"

using namespace socket_exporter;
namespace fs = std::filesystem;

TEST_CASE("the walk finds the namespace of each process", "[netns]") {
  const auto own = namespace_inode("/proc/self/ns/net");
  REQUIRE(own);
  const auto walk = walk_netns("/proc");
  REQUIRE(walk);
  const auto self = std::find_if(walk->tasks.begin(), walk->tasks.end(), [](const NetnsTask& task) {
    return task.pid == static_cast<std::uint32_t>(::getpid());
  });
  REQUIRE(self != walk->tasks.end());
  CHECK(self->netns == *own);
}

TEST_CASE("the walk passes by what is no process, or gone", "[netns]") {
  const TemporaryDirectory proc;
  fs::create_directories(proc.path() / "10/ns");
  std::ofstream(proc.path() / "10/ns/net") << "";
  fs::create_directories(proc.path() / "11");
  fs::create_directories(proc.path() / "sys/ns/net");
  fs::create_directories(proc.path() / "12x/ns/net");

  const auto walk = walk_netns(proc.path().string());

  REQUIRE(walk);
  REQUIRE(walk->tasks.size() == 1);
  CHECK(walk->tasks.front().pid == 10);
  CHECK(walk->unreadable == 0);
}

TEST_CASE("the walk fails without a procfs", "[netns]") {
  const TemporaryDirectory proc;
  CHECK_FALSE(walk_netns((proc.path() / "missing").string()));
  CHECK_FALSE(namespace_inode((proc.path() / "missing").string()));
}
