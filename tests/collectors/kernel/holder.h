#pragma once

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "collectors/base/fd.h"

// Processes that hold known descriptors, for tests of who holds what.
namespace socket_exporter {

struct Pipe {
  Pipe() {
    int ends[2] = {-1, -1};
    REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
    read_end = Fd(ends[0]);
    write_end = Fd(ends[1]);
  }
  Fd read_end;
  Fd write_end;
};

/// A process of its own that holds what `make` returned until this object goes.
class Holder {
 public:
  template <typename Make>
  explicit Holder(Make make) {
    Pipe ready;
    pid_ = fork();
    REQUIRE(pid_ >= 0);
    if (pid_ == 0) hold(make, ready);
    char byte = 0;
    ready.write_end = Fd();
    REQUIRE(read(ready.read_end.number(), &byte, 1) == 1);
  }
  Holder(const Holder&) = delete;
  Holder& operator=(const Holder&) = delete;
  ~Holder() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }

  /// The process stays when it has other threads.
  void end_first_thread() {
    stop_.write_end = Fd();
    const std::string path = "/proc/" + std::to_string(pid_) + "/stat";
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    for (char state = 0; state != 'Z';) {
      REQUIRE(std::chrono::steady_clock::now() < limit);
      std::ifstream file(path);
      const std::string text(std::istreambuf_iterator<char>(file), {});
      REQUIRE_FALSE(text.empty());
      state = text[text.rfind(')') + 2];
    }
  }

  std::uint32_t pid() const { return static_cast<std::uint32_t>(pid_); }
  std::uint32_t netns() const {
    struct stat status {};
    REQUIRE(stat(("/proc/" + std::to_string(pid_) + "/ns/net").c_str(), &status) == 0);
    return static_cast<std::uint32_t>(status.st_ino);
  }
  std::size_t open_fds() const {
    const std::filesystem::directory_iterator all("/proc/" + std::to_string(pid_) + "/fd");
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
  }

 private:
  template <typename Make>
  [[noreturn]] void hold(const Make& make, const Pipe& ready) {
    char byte = 'r';
    try {
      const auto held = make();
      stop_.write_end = Fd();
      if (write(ready.write_end.number(), &byte, 1) == 1) {
        while (read(stop_.read_end.number(), &byte, 1) > 0) {
        }
        syscall(SYS_exit, 0);  // this thread
      }
    } catch (const std::exception&) {
    }
    _exit(0);
  }

  Pipe stop_;
  pid_t pid_ = -1;
};

inline std::vector<Fd> sockets(int count, int type = SOCK_STREAM) {
  std::vector<Fd> made;
  for (int i = 0; i < count; ++i) made.emplace_back(socket(AF_INET, type, 0));
  return made;
}

inline Fd copy_of(const Fd& fd) {
  return Fd(dup(fd.number()));
}

}  // namespace socket_exporter
