#pragma once

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "collectors/base/fd.h"
#include "tests/collectors/kernel/temporary_directory.h"

// Namespaces, cgroups, processes and mounts as a host has them, for tests with the privilege to
// make these. All of them go with their objects.
namespace socket_exporter {

/// A network namespace that nothing but this object holds.
class HeldNetns {
 public:
  HeldNetns() {
    const Fd before = current();
    REQUIRE(unshare(CLONE_NEWNET) == 0);
    fd_ = current();
    REQUIRE(setns(before.number(), CLONE_NEWNET) == 0);
  }

  std::uint32_t inode() const {
    struct stat status {};
    REQUIRE(fstat(fd_.number(), &status) == 0);
    return static_cast<std::uint32_t>(status.st_ino);
  }
  int fd() const { return fd_.number(); }

  /// Does something as a thread of the namespace.
  template <typename Work>
  void enter(const Work& work) const {
    const Fd before = current();
    REQUIRE(setns(fd_.number(), CLONE_NEWNET) == 0);
    work();
    REQUIRE(setns(before.number(), CLONE_NEWNET) == 0);
  }

  std::uint64_t cookie() const {
    std::uint64_t cookie = 0;
    enter([&] {
      const Fd any(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
      socklen_t size = sizeof cookie;
      REQUIRE(getsockopt(any.number(), SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size) == 0);
    });
    return cookie;
  }

 private:
  static Fd current() { return Fd(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)); }

  Fd fd_;
};

/// A cgroup below the host's v2 mount, such as "docker/<id>".
class Cgroup {
 public:
  explicit Cgroup(const std::string& path)
      : top_(mount() / ("sx_test_" + std::to_string(getpid()))) {
    path_ = top_ / path;
    std::filesystem::create_directories(path_);
  }
  Cgroup(const Cgroup&) = delete;
  Cgroup& operator=(const Cgroup&) = delete;
  ~Cgroup() {
    for (auto path = path_;; path = path.parent_path()) {
      if (rmdir(path.c_str()) != 0 || path == top_) return;
    }
  }

  std::string members() const { return path_ / "cgroup.procs"; }

 private:
  static std::filesystem::path mount() {
    std::ifstream mounts("/proc/mounts");
    for (std::string line; std::getline(mounts, line);) {
      std::istringstream words(line);
      std::string device, path, type;
      words >> device >> path >> type;
      if (type == "cgroup2") return path;
    }
    FAIL("no cgroup2 is mounted");
    return {};
  }

  std::filesystem::path top_;
  std::filesystem::path path_;
};

/// A process that waits in a namespace, and in a cgroup if one is given, until it is killed.
class WaitingProcess {
 public:
  explicit WaitingProcess(const HeldNetns& ns, const Cgroup* cgroup = nullptr) {
    const std::string members = cgroup != nullptr ? cgroup->members() : "";
    int ready[2];
    REQUIRE(pipe2(ready, O_CLOEXEC) == 0);
    const Fd done(ready[0]);
    Fd start(ready[1]);
    pid_ = fork();
    REQUIRE(pid_ >= 0);
    if (pid_ == 0) wait_in(ns.fd(), members, start.number());
    start = Fd();
    char byte = 0;
    REQUIRE(read(done.number(), &byte, 1) == 1);
  }
  WaitingProcess(const WaitingProcess&) = delete;
  WaitingProcess& operator=(const WaitingProcess&) = delete;
  ~WaitingProcess() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }

  std::uint32_t pid() const { return static_cast<std::uint32_t>(pid_); }

 private:
  [[noreturn]] static void wait_in(int ns, const std::string& members, int ready) {
    const Fd cgroup(members.empty() ? -1 : open(members.c_str(), O_WRONLY));
    const bool moved = members.empty() || write(cgroup.number(), "0", 1) == 1;
    if (!moved || setns(ns, CLONE_NEWNET) != 0 || write(ready, "x", 1) != 1) _exit(1);
    for (;;) pause();
  }

  pid_t pid_ = -1;
};

/// A file on which a namespace is mounted.
class MountedNetns {
 public:
  MountedNetns(const HeldNetns& ns, std::filesystem::path file) : file_(std::move(file)) {
    std::ofstream(file_) << "";
    const std::string source = "/proc/self/fd/" + std::to_string(ns.fd());
    REQUIRE(mount(source.c_str(), file_.c_str(), "", MS_BIND, nullptr) == 0);
  }
  MountedNetns(const MountedNetns&) = delete;
  MountedNetns& operator=(const MountedNetns&) = delete;
  ~MountedNetns() {
    umount2(file_.c_str(), MNT_DETACH);
    unlink(file_.c_str());
  }

  const std::filesystem::path& file() const { return file_; }

 private:
  std::filesystem::path file_;
};

/// As long as it lives, this thread may not use eBPF.
class WithoutBpf {
 public:
  WithoutBpf() {
    REQUIRE(syscall(SYS_capget, &header_, before_) == 0);
    constexpr unsigned kOfBpf[] = {CAP_SYS_ADMIN, CAP_PERFMON, CAP_BPF};
    __user_cap_data_struct less[] = {before_[0], before_[1]};
    for (const unsigned capability : kOfBpf) {
      less[capability / 32].effective &= ~(1U << capability % 32);
    }
    REQUIRE(syscall(SYS_capset, &header_, less) == 0);
  }
  WithoutBpf(const WithoutBpf&) = delete;
  WithoutBpf& operator=(const WithoutBpf&) = delete;
  ~WithoutBpf() { syscall(SYS_capset, &header_, before_); }

 private:
  __user_cap_header_struct header_{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct before_[2]{};
};

}  // namespace socket_exporter
