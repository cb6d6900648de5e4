#include "collectors/kernel/owner_walk.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "collectors/base/fd.h"
#include "collectors/kernel/process.h"

using namespace socket_exporter;
namespace fs = std::filesystem;

namespace {

/// A procfs made of files, removed at the end.
class ProcTree {
 public:
  ProcTree() {
    std::string name = (fs::temp_directory_path() / "owner_walk_XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    root_ = name;
    fs::create_directory(root_ / "sys");
  }
  ~ProcTree() { fs::remove_all(root_); }
  ProcTree(const ProcTree&) = delete;
  ProcTree& operator=(const ProcTree&) = delete;

  void add(const std::string& pid, const std::string& comm, std::vector<std::string> targets) {
    fs::create_directories(root_ / pid / "fd");
    std::ofstream(root_ / pid / "comm") << comm << "\n";
    std::ofstream(root_ / pid / "limits")
        << "Limit                     Soft Limit           Hard Limit           Units     \n"
        << "Max open files            1024                 4096                 files     \n";
    for (std::size_t fd = 0; fd < targets.size(); ++fd) {
      fs::create_symlink(targets[fd], root_ / pid / "fd" / std::to_string(fd));
    }
  }
  fs::path path(const std::string& below) const { return root_ / below; }
  std::string root() const { return root_.string(); }

 private:
  fs::path root_;
};

Deadline soon() {
  return std::chrono::steady_clock::now() + std::chrono::seconds(30);
}

Workload no_workload(std::uint32_t /*pid*/, std::uint64_t /*cgroup*/) {
  return {};
}

}  // namespace

TEST_CASE("A descriptor's link names a socket or something else", "[owner_walk]") {
  CHECK(parse_socket_link("socket:[12345]") == 12345);
  const std::string other =
      GENERATE(as<std::string>(), "", "socket:[]", "socket:[12x]", "socket:[1", "pipe:[12345]",
               "socket:[99999999999]", "/tmp/socket:[1]");
  CHECK(!parse_socket_link(other));
}

TEST_CASE("The walk finds processes, their descriptors and sockets", "[owner_walk]") {
  ProcTree tree;
  tree.add("10", "nginx", {"/dev/null", "socket:[500]", "socket:[501]", "pipe:[7]"});
  tree.add("20", "na me\x1b[31m", {"socket:[600]"});
  tree.add("30", "kthreadd", {});

  const auto owners = read_owners(tree.root(), no_workload, soon());

  REQUIRE(owners);
  REQUIRE(owners->processes().size() == 2);  // a process without descriptors owns nothing
  const Process& nginx = owners->processes()[*owners->owner_of(501)];
  CHECK(nginx.pid == 10);
  CHECK(nginx.comm == "nginx");
  CHECK(nginx.open_fds == 4);
  CHECK(nginx.fds_limit == 1024);
  CHECK(owners->processes()[*owners->owner_of(600)].comm == "na me\x1b[31m");
  CHECK(!owners->owner_of(7));
  CHECK(owners->unreadable() == 0);
}

TEST_CASE("What cannot be read is counted, what is gone is not", "[owner_walk]") {
  ProcTree tree;
  tree.add("10", "nginx", {"socket:[500]"});
  fs::create_directories(tree.path("20"));  // ended: its fd is gone already
  fs::create_directories(tree.path("30"));
  fs::create_symlink("fd", tree.path("30/fd"));  // ELOOP, as good as EACCES

  const auto owners = read_owners(tree.root(), no_workload, soon());

  REQUIRE(owners);
  CHECK(owners->processes().size() == 1);
  CHECK(owners->unreadable() == 1);
}

TEST_CASE("A process without limits has none that is known", "[owner_walk]") {
  ProcTree tree;
  tree.add("10", "nginx", {"socket:[500]"});
  fs::remove(tree.path("10/limits"));

  const auto owners = read_owners(tree.root(), no_workload, soon());

  REQUIRE(owners);
  CHECK(!owners->processes().front().fds_limit);
}

TEST_CASE("The walk ends at its deadline, and fails without a procfs", "[owner_walk]") {
  ProcTree tree;
  tree.add("10", "nginx", {"socket:[500]"});
  const auto late = read_owners(tree.root(), no_workload,
                                std::chrono::steady_clock::now() - std::chrono::hours(1));
  REQUIRE(!late);
  CHECK(late.error().kind == Error::Kind::timeout);

  const auto missing = read_owners(tree.root() + "/missing", no_workload, soon());
  REQUIRE(!missing);
  CHECK(missing.error().kind == Error::Kind::unavailable);
}

TEST_CASE("The walk over the running kernel finds this process's own sockets", "[owner_walk]") {
  std::vector<Fd> sockets;
  for (int i = 0; i < 50; ++i) sockets.emplace_back(::socket(AF_INET, SOCK_STREAM, 0));

  const auto owners = read_owners("/proc", no_workload, soon());

  REQUIRE(owners);
  for (const Fd& socket : sockets) {
    struct stat status {};
    REQUIRE(::fstat(socket.number(), &status) == 0);
    const auto owner = owners->owner_of(static_cast<std::uint32_t>(status.st_ino));
    REQUIRE(owner);
    CHECK(owners->processes()[*owner].pid == static_cast<std::uint32_t>(::getpid()));
    CHECK(owners->processes()[*owner].open_fds >= sockets.size());
    CHECK(owners->processes()[*owner].fds_limit);
  }
}
