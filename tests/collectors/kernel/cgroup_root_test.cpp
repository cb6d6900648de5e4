#include "collectors/kernel/cgroup_root.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "tests/collectors/kernel/temporary_directory.h"

using namespace socket_exporter;

namespace {

constexpr std::string_view kHybrid =
    "27 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n"
    "31 23 0:28 / /sys/fs/cgroup rw,relatime shared:9 - tmpfs tmpfs rw,mode=755\n"
    "40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd\n"
    "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime shared:10 master:1 - cgroup2 cgroup2 rw\n";

}  // namespace

TEST_CASE("cgroup2 is found wherever it is mounted", "[cgroup_root]") {
  CHECK(parse_cgroup2_mounts(kHybrid) == std::vector<std::string>{"/sys/fs/cgroup/unified"});
  CHECK(parse_cgroup2_mounts("35 24 0:30 /../.. /host\\040a\\134b rw - cgroup2 cgroup rw\n"
                             "36 24 0:30 / /sys/fs/cgroup ro - cgroup2 cgroup rw") ==
        std::vector<std::string>{"/host a\\b", "/sys/fs/cgroup"});
}

TEST_CASE("what is no mount of cgroup2 is passed over", "[cgroup_root]") {
  const std::string_view text =
      GENERATE("", "\n\n", "41", "41 31 0:38 / /cgroup2", "41 31 0:38 / /cgroup2 rw cgroup2 - ",
               "41 31 0:38 / - cgroup2 - tmpfs", "27 1 254:0 / /cgroup2 rw - ext4 cgroup2 rw");
  CHECK(parse_cgroup2_mounts(text).empty());
}

TEST_CASE("only the root of all cgroups will do", "[cgroup_root]") {
  const TemporaryDirectory directory;
  const std::string procfs = directory.path();
  CHECK(open_root_cgroup(procfs).error().kind == Error::Kind::unavailable);
  std::filesystem::create_directories(procfs + "/self");
  std::ofstream(procfs + "/self/mountinfo")
      << "1 1 0:1 / " << procfs << " rw - cgroup2 cgroup2 rw\n"
      << "1 1 0:1 / /nowhere rw - cgroup2 cgroup2 rw\n";
  const auto opened = open_root_cgroup(procfs);
  REQUIRE_FALSE(opened);
  CHECK(opened.error().what == "the root of cgroup2 is not mounted here");
}
