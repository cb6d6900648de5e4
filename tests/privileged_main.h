#pragma once

#define CATCH_CONFIG_RUNNER
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <iostream>

#include "collectors/base/result.h"

// For the one main() of tests that load eBPF programs and make network namespaces.
namespace socket_exporter {

inline bool may_make_namespaces() {
  const pid_t child = fork();
  if (child == 0) _exit(unshare(CLONE_NEWNET) == 0 ? 0 : 1);
  int status = 1;
  return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

/// Runs the tests; exit code 77 (skipped) without the privilege, or where `needed` was not to be
/// had.
template <typename T>
int run_tests(int argc, char** argv, const Result<T>& needed) {
  constexpr int kSkipped = 77;
  if (!needed) {
    std::cerr << "skipped: " << needed.error().what << "\n";
    return kSkipped;
  }
  if (!may_make_namespaces()) {
    std::cerr << "skipped: no right to make a network namespace\n";
    return kSkipped;
  }
  return Catch::Session().run(argc, argv);
}

}  // namespace socket_exporter
