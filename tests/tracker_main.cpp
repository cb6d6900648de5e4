#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "collectors/kernel/connect_tracker.h"
#include "tests/privileged_main.h"

namespace {

// Tracepoints of system calls are found there; a host need not have mounted it.
void mount_tracefs() {
  constexpr const char* kTracing = "/sys/kernel/tracing";
  if (access("/sys/kernel/tracing/events", F_OK) == 0 || unshare(CLONE_NEWNS) != 0) return;
  if (mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
      mount("none", kTracing, "tracefs", 0, nullptr) != 0) {
    std::cerr << "no tracefs: " << std::strerror(errno) << "\n";
  }
}

}  // namespace

int main(int argc, char** argv) {
  mount_tracefs();
  return socket_exporter::run_tests(argc, argv,
                                    socket_exporter::ConnectTracker::start("/proc", false));
}
