#include "collectors/kernel/workloads.h"

#include <catch2/catch.hpp>
#include <fstream>

#include "tests/collectors/kernel/temporary_directory.h"

using namespace socket_exporter;
namespace fs = std::filesystem;

namespace {

const std::string kId = "5f1c0a9be27d5f1c0a9be27d5f1c0a9be27d5f1c0a9be27d5f1c0a9be27d5f1c";
const std::string kUid = "1f0a2b3c-4d5e-6f70-8192-a3b4c5d6e7f8";

/// A procfs and the logs of pods, made of files.
class Host {
 public:
  void add(std::uint32_t pid, const std::string& cgroup) const {
    const fs::path process = proc_.path() / std::to_string(pid);
    fs::create_directories(process);
    std::ofstream(process / "cgroup") << cgroup;
  }
  void add_pod(const std::string& name) const { fs::create_directory(logs_.path() / name); }
  Workloads workloads() const { return {proc_.path().string(), logs_.path().string()}; }

 private:
  TemporaryDirectory proc_;
  TemporaryDirectory logs_;
};

}  // namespace

TEST_CASE("a process of a pod has the pod's name and its container", "[workloads]") {
  const Host host;
  host.add_pod("shop_cart-0_" + kUid);
  host.add(10, "0::/kubepods/besteffort/pod" + kUid + "/" + kId + "\n");
  Workloads workloads = host.workloads();

  CHECK(workloads.of(10, 0) == Workload{"shop", "cart-0", "5f1c0a9be27d", kUid});
}

TEST_CASE("a pod without logs has only its uid", "[workloads]") {
  const Host host;
  host.add(10, "0::/kubepods/besteffort/pod" + kUid + "/" + kId + "\n");
  Workloads workloads = host.workloads();

  CHECK(workloads.of(10, 77) == Workload{"", "", "5f1c0a9be27d", kUid});
}

TEST_CASE("processes without a container, or gone, have no workload", "[workloads]") {
  const Host host;
  host.add(10, "0::/system.slice/nginx.service\n");
  Workloads workloads = host.workloads();

  CHECK(workloads.of(10, 5).empty());
  CHECK(workloads.of(11, 0).empty());
  CHECK(workloads.of(11, 6).empty());
  host.add(11, "0::/docker/" + kId + "\n");
  CHECK(workloads.of(11, 6).container == "5f1c0a9be27d");
}

TEST_CASE("what is known of a cgroup is not read again", "[workloads]") {
  const Host host;
  host.add(10, "0::/docker/" + kId + "\n");
  Workloads workloads = host.workloads();
  REQUIRE(workloads.of(10, 5).container == "5f1c0a9be27d");

  CHECK(workloads.of(11, 5).container == "5f1c0a9be27d");  // no such file
  CHECK(workloads.of(11, 0).empty());
}

TEST_CASE("a v2 cgroup that says less than v1 is not taken for another process", "[workloads]") {
  const Host host;
  host.add(10, "4:pids:/docker/" + kId + "\n0::/system.slice/containerd.service\n");
  host.add(11, "4:pids:/system.slice/containerd.service\n0::/system.slice/containerd.service\n");
  Workloads workloads = host.workloads();

  CHECK(workloads.of(10, 5).container == "5f1c0a9be27d");
  CHECK(workloads.of(11, 5).empty());
}
