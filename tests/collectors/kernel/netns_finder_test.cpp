#include "collectors/kernel/netns_finder.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <cstddef>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <thread>

#include "tests/collectors/kernel/netns_host.h"

using namespace socket_exporter;
namespace fs = std::filesystem;

namespace {

const std::string kId = "5f1c0a9be27d5f1c0a9be27d5f1c0a9be27d5f1c0a9be27d5f1c0a9be27d5f1c";
const std::string kUid = "1f0a2b3c-4d5e-6f70-8192-a3b4c5d6e7f8";

/// Directories of names, and a finder that reads these.
class Host {
 public:
  NetnsFinder finder() const { return {"/proc", run_.path().string(), logs_.path().string()}; }
  fs::path file(const std::string& name) const { return run_.path() / name; }
  void add_pod(const std::string& name) const { fs::create_directory(logs_.path() / name); }

 private:
  TemporaryDirectory run_;
  TemporaryDirectory logs_;
};

std::vector<FoundNetns> found(NetnsFinder& finder) {
  auto all = finder.find();
  REQUIRE(all);
  return std::move(*all);
}

std::optional<FoundNetns> found(NetnsFinder& finder, const HeldNetns& ns) {
  for (FoundNetns& one : found(finder)) {
    if (one.ns.inode == ns.inode()) return std::move(one);
  }
  return std::nullopt;
}

bool opens(const FoundNetns& ns) {
  struct stat status {};
  return stat(ns.path.c_str(), &status) == 0 && status.st_ino == ns.ns.inode;
}

/// This thread gets EPERM for bpf() as long as it runs.
void deny_bpf() {
  sock_filter steps[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
                         BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_bpf, 0, 1),
                         BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
                         BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  const sock_fprog program{std::size(steps), steps};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

}  // namespace

TEST_CASE("the exporter's own namespace comes first and is the host") {
  const Host host;
  const HeldNetns other;
  NetnsFinder finder = host.finder();

  const auto all = found(finder);

  CHECK(finder.feature().on);
  CHECK(finder.feature().reason.empty());
  CHECK(all.front().ns.name == "host");
  CHECK(opens(all.front()));
  CHECK(all.front().record);
  CHECK(std::is_sorted(all.begin() + 1, all.end(), [](const FoundNetns& a, const FoundNetns& b) {
    return a.ns.cookie < b.ns.cookie;
  }));
}

TEST_CASE("a namespace without a process is found, and its file names and opens it") {
  const Host host;
  const HeldNetns unnamed, blue, odd;
  const MountedNetns blue_file(blue, host.file("blue"));
  const MountedNetns odd_file(odd, host.file("o\n\xff"));
  NetnsFinder finder = host.finder();

  const auto by_inode = found(finder, unnamed);
  REQUIRE(by_inode);
  CHECK(by_inode->ns.name == "net:[" + std::to_string(unnamed.inode()) + "]");
  CHECK(by_inode->ns.cookie == unnamed.cookie());
  CHECK(by_inode->pid == 0);
  CHECK(by_inode->path.empty());

  const auto by_file = found(finder, blue);
  REQUIRE(by_file);
  CHECK(by_file->ns.name == "blue");
  CHECK(by_file->path == blue_file.file());
  CHECK(opens(*by_file));

  const auto by_odd_file = found(finder, odd);
  REQUIRE(by_odd_file);
  CHECK(by_odd_file->ns.name == "o\uFFFD\uFFFD");
  CHECK(opens(*by_odd_file));
}

TEST_CASE("names come and go between two looks") {
  const Host host;
  const HeldNetns ns;
  NetnsFinder finder = host.finder();
  CHECK(found(finder, ns)->ns.name.starts_with("net:["));
  {
    const MountedNetns file(ns, host.file("blue"));
    CHECK(found(finder, ns)->ns.name == "blue");
  }
  CHECK(found(finder, ns)->ns.name.starts_with("net:["));
}

TEST_CASE("a container's process names its namespace") {
  const Host host;
  const HeldNetns ns;
  const Cgroup cgroup("docker/" + kId);
  const WaitingProcess process(ns, &cgroup);
  NetnsFinder finder = host.finder();

  const auto one = found(finder, ns);

  REQUIRE(one);
  CHECK(one->ns.name == "container:5f1c0a9be27d");
  CHECK(one->ns.workload == Workload{"", "", "5f1c0a9be27d", ""});
  CHECK(one->pid == process.pid());
  CHECK(opens(*one));
}

TEST_CASE("a pod's processes name its namespace, whoever else is in it") {
  const Host host;
  host.add_pod("shop_cart-0_" + kUid);
  const HeldNetns ns;
  const MountedNetns file(ns, host.file("cni-" + kUid));
  const Cgroup cgroup("kubepods/besteffort/pod" + kUid + "/" + kId);
  const WaitingProcess of_host(ns);
  const WaitingProcess of_pod(ns, &cgroup);
  NetnsFinder finder = host.finder();

  const auto one = found(finder, ns);

  REQUIRE(one);
  CHECK(one->ns.name == "shop/cart-0");
  CHECK(one->ns.workload == Workload{"shop", "cart-0", "", kUid});
  CHECK(opens(*one));
}

TEST_CASE("a process that ended is replaced by another") {
  const Host host;
  const HeldNetns ns;
  NetnsFinder finder = host.finder();
  auto first = std::make_unique<WaitingProcess>(ns);
  CHECK(found(finder, ns)->pid == first->pid());
  const WaitingProcess second(ns);
  first.reset();
  CHECK(found(finder, ns)->pid == second.pid());
}

TEST_CASE("a namespace that was made, used and removed between two looks leaves nothing") {
  const Host host;
  NetnsFinder finder = host.finder();
  found(finder);
  std::uint64_t cookie = 0;
  {
    const HeldNetns ns;
    const WaitingProcess process(ns);
    cookie = ns.cookie();
  }
  const auto still_there = [&] {
    const auto all = found(finder);
    return std::any_of(all.begin(), all.end(),
                       [&](const FoundNetns& one) { return one.ns.cookie == cookie; });
  };
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (still_there() && std::chrono::steady_clock::now() < limit) {
  }
  CHECK_FALSE(still_there());
}

TEST_CASE("a namespace that gets the inode of another does not get its labels") {
  const Host host;
  const Cgroup cgroup("docker/" + kId);
  NetnsFinder finder = host.finder();
  std::map<std::uint32_t, std::uint64_t> cookie_by_inode;
  {
    const std::array<HeldNetns, 50> gone_soon;
    std::list<WaitingProcess> processes;
    for (const HeldNetns& ns : gone_soon) processes.emplace_back(ns, &cgroup);
    for (const FoundNetns& one : found(finder)) {
      if (one.ns.workload.container == "5f1c0a9be27d")
        cookie_by_inode[one.ns.inode] = one.ns.cookie;
    }
    REQUIRE(cookie_by_inode.size() == gone_soon.size());
  }
  // The kernel gives a free number to a namespace, or to one of the files of one.
  std::optional<HeldNetns> next;
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  do {
    next.emplace();
  } while (cookie_by_inode.count(next->inode()) == 0 && std::chrono::steady_clock::now() < limit);
  const std::uint32_t inode = next->inode();
  REQUIRE(cookie_by_inode.count(inode) == 1);

  const auto one = found(finder, *next);

  CHECK(one->ns.cookie != cookie_by_inode[inode]);
  CHECK(one->ns.name == "net:[" + std::to_string(inode) + "]");
  CHECK(one->ns.workload.empty());
  CHECK(one->pid == 0);
}

TEST_CASE("without eBPF namespaces with a process or a file are found") {
  const Host host;
  const HeldNetns lonely, with_process, with_file;
  const Cgroup cgroup("docker/" + kId);
  const WaitingProcess process(with_process, &cgroup);
  const MountedNetns file(with_file, host.file("blue"));
  const WithoutBpf limited;
  NetnsFinder finder = host.finder();

  CHECK_FALSE(found(finder, lonely));
  const auto by_file = found(finder, with_file);
  REQUIRE(by_file);
  CHECK(by_file->ns.name == "blue");
  CHECK(opens(*by_file));
  const auto by_process = found(finder, with_process);
  REQUIRE(by_process);
  CHECK(by_process->ns.name == "container:5f1c0a9be27d");
  CHECK(by_process->pid == process.pid());
  CHECK(by_process->ns.cookie == 0);
  CHECK_FALSE(by_process->record);
  CHECK(found(finder).front().ns.name == "host");

  CHECK_FALSE(finder.feature().on);
  CHECK_THAT(finder.feature().reason, Catch::Contains("CAP_BPF") && Catch::Contains("instead"));
}

TEST_CASE("after an error of eBPF the next look is by eBPF again") {
  const Host host;
  const HeldNetns lonely;
  NetnsFinder finder = host.finder();
  Result<std::vector<FoundNetns>> denied = Error{};
  std::thread([&] {
    deny_bpf();
    denied = finder.find();
  }).join();
  REQUIRE(denied);
  CHECK(std::none_of(denied->begin(), denied->end(),
                     [&](const FoundNetns& one) { return one.ns.inode == lonely.inode(); }));
  CHECK_FALSE(finder.feature().on);
  CHECK_THAT(finder.feature().reason, Catch::Contains("Operation not permitted"));

  CHECK(found(finder, lonely));
  CHECK(finder.feature().on);
  CHECK(finder.feature().reason.empty());
}
