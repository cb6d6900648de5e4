// Tests that load eBPF programs and make network namespaces: exit code 77 (skipped) without the
// privileges.
#define CATCH_CONFIG_RUNNER
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <iostream>

#include "collectors/kernel/socket_walk.h"

namespace {

constexpr int kSkipped = 77;

bool may_make_namespaces() {
  const pid_t child = fork();
  if (child == 0) _exit(unshare(CLONE_NEWNET) == 0 ? 0 : 1);
  int status = 1;
  return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (const auto walk = socket_exporter::SocketWalk::open(); !walk) {
    std::cerr << "skipped: " << walk.error().what << "\n";
    return kSkipped;
  }
  if (!may_make_namespaces()) {
    std::cerr << "skipped: no right to make a network namespace\n";
    return kSkipped;
  }
  return Catch::Session().run(argc, argv);
}
