#include "collectors/kernel/cgroup_root.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdint>

#include "collectors/base/text.h"
#include "collectors/kernel/proc_file.h"

namespace socket_exporter {
namespace {

constexpr ino_t kRootInode = 1;  // of every kernfs

// Blanks, newlines and backslashes are written as \040 and the like.
std::string unescaped(std::string_view text) {
  std::string plain;
  while (!text.empty()) {
    const auto code = text.front() == '\\' && text.size() >= 4
                          ? parse_number<std::uint8_t>(text.substr(1, 3), 8)
                          : std::nullopt;
    plain += code ? static_cast<char>(*code) : text.front();
    text.remove_prefix(code ? 4 : 1);
  }
  return plain;
}

}  // namespace

// "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate"
std::vector<std::string> parse_cgroup2_mounts(std::string_view mountinfo) {
  std::vector<std::string> mounts;
  while (!mountinfo.empty()) {
    std::string_view line = next_line(mountinfo);
    for (int skipped = 0; skipped < 4; ++skipped) next_word(line);
    const std::string_view point = next_word(line);
    while (!line.empty() && next_word(line) != "-") {
    }
    if (!point.empty() && next_word(line) == "cgroup2") mounts.push_back(unescaped(point));
  }
  return mounts;
}

Result<Fd> open_root_cgroup(const std::string& procfs) {
  const auto mountinfo = read_file(procfs + "/self/mountinfo");
  if (!mountinfo) return mountinfo.error();
  for (const std::string& mount : parse_cgroup2_mounts(*mountinfo)) {
    Fd root(::open(mount.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    struct stat status {};
    if (root && ::fstat(root.number(), &status) == 0 && status.st_ino == kRootInode) return root;
  }
  return Error{Error::Kind::unavailable, "the root of cgroup2 is not mounted here"};
}

}  // namespace socket_exporter
