#include "collectors/kernel/entered_netns.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>

#include <cerrno>
#include <exception>
#include <utility>

#include "collectors/kernel/capabilities.h"

namespace socket_exporter {

Result<EnteredNetns> EnteredNetns::enter(const std::string& path, std::uint32_t inode) {
  constexpr const char* kOwn = "/proc/thread-self/ns/net";
  Fd before(::open(kOwn, O_RDONLY | O_CLOEXEC));
  if (!before) return errno_error(std::string("open ") + kOwn, errno);
  const Fd target(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!target) return errno_error("open " + path, errno, {Capability::sys_ptrace});
  struct stat status {};
  if (::fstat(target.number(), &status) < 0) return errno_error("stat " + path, errno);
  if (status.st_ino != inode) {
    return Error{Error::Kind::unavailable, path + ": is another namespace's by now"};
  }
  if (::setns(target.number(), CLONE_NEWNET) < 0) {
    return errno_error("setns " + path, errno, {Capability::sys_admin});
  }
  return EnteredNetns(std::move(before));
}

// A thread that cannot come back would take the other namespace's values for the host's.
EnteredNetns::~EnteredNetns() {
  if (before_ && ::setns(before_.number(), CLONE_NEWNET) < 0) std::terminate();
}

}  // namespace socket_exporter
