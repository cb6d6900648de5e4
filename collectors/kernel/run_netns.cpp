#include "collectors/kernel/run_netns.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>

#include <filesystem>
#include <system_error>

#include "collectors/base/fd.h"

namespace socket_exporter {
namespace {

constexpr std::chrono::seconds kTimeApart{60};

// Nothing for other files. Only what is a namespace is opened: to open a device may do something.
std::optional<std::uint32_t> netns_inode(const std::string& path) {
  struct statfs system {};
  if (::statfs(path.c_str(), &system) != 0 || system.f_type != NSFS_MAGIC) return std::nullopt;
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status {};
  if (!file || ::ioctl(file.number(), NS_GET_NSTYPE) != CLONE_NEWNET ||
      ::fstat(file.number(), &status) != 0) {
    return std::nullopt;
  }
  return static_cast<std::uint32_t>(status.st_ino);
}

// What people chose before what CNI made up, then by the alphabet: the same each time.
bool is_better(const std::string& name, const std::string& than) {
  return std::pair(name.starts_with("cni-"), name) < std::pair(than.starts_with("cni-"), than);
}

}  // namespace

void RunNetns::refresh(bool wanted, Time now) {
  const bool changed = is_changed();
  if (!changed && !wanted && read_at_ && now - *read_at_ < kTimeApart) return;
  read_at_ = now;
  read();
}

bool RunNetns::is_changed() {
  struct stat status {};
  if (::stat(directory_.c_str(), &status) != 0) status = {};
  const timespec before = std::exchange(changed_at_, status.st_mtim);
  return before.tv_sec != changed_at_.tv_sec || before.tv_nsec != changed_at_.tv_nsec;
}

// What cannot be read names nothing: most hosts have no such directory.
void RunNetns::read() {
  files_.clear();
  std::error_code error;
  for (std::filesystem::directory_iterator entry(directory_, error), end; !error && entry != end;
       entry.increment(error)) {
    const auto inode = netns_inode(entry->path().native());
    if (!inode) continue;
    std::string name = entry->path().filename().native();
    const auto [known, is_new] = files_.try_emplace(*inode, name);
    if (!is_new && is_better(name, known->second)) known->second = std::move(name);
  }
}

}  // namespace socket_exporter
