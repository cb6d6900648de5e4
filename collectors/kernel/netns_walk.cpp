#include "collectors/kernel/netns_walk.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <string_view>
#include <system_error>

#include "collectors/base/text.h"

namespace socket_exporter {

Result<std::uint32_t> namespace_inode(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return errno_error("stat " + path, errno);
  return static_cast<std::uint32_t>(status.st_ino);
}

bool is_of_first_pids(const std::string& procfs_root) {
  constexpr std::uint32_t kFirstPidNamespace = 0xEFFFFFFC;  // its inode (PROC_PID_INIT_INO)
  for (const std::string_view process : {"1", "self"}) {
    const auto inode = namespace_inode(fmt::format("{}/{}/ns/pid", procfs_root, process));
    if (inode) return *inode == kFirstPidNamespace;
  }
  return false;
}

Result<NetnsWalk> walk_netns(const std::string& procfs_root) {
  NetnsWalk walk;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(procfs_root, error), end; !error && entry != end;
       entry.increment(error)) {
    const auto pid = parse_number<std::uint32_t>(entry->path().filename().native());
    if (!pid) continue;
    const auto inode = namespace_inode(fmt::format("{}/{}/ns/net", procfs_root, *pid));
    if (inode) {
      walk.tasks.push_back({*inode, *pid});
    } else if (inode.error().kind == Error::Kind::denied) {
      ++walk.unreadable;
    }
  }
  if (error) return errno_error("read " + procfs_root, error.value());
  return walk;
}

}  // namespace socket_exporter
