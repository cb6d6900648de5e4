#include "collectors/kernel/owner_walk.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <utility>
#include <vector>

#include "collectors/base/fd.h"
#include "collectors/base/text.h"
#include "collectors/kernel/process.h"

namespace socket_exporter {
namespace {

constexpr std::size_t kListingBuffer = 32768;

bool is_gone(int error_number) {
  return error_number == ENOENT || error_number == ESRCH;
}

Fd open_directory(const Fd& parent, const char* path) {
  return Fd(::openat(parent.number(), path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

/// A directory's entries, in few system calls and without allocation per entry.
class Listing {
 public:
  Listing() : buffer_(kListingBuffer) {}

  /// Hands over each name that is a number; returns the error number of the call that failed.
  template <typename Each>
  int for_each_number(const Fd& directory, const Each& each) {
    for (;;) {
      const auto got = ::getdents64(directory.number(), buffer_.data(), buffer_.size());
      if (got < 0) return errno;
      if (got == 0) return 0;
      for (std::size_t at = 0; at < static_cast<std::size_t>(got);) {
        // The kernel aligns entries to 8 bytes.
        const auto* entry = reinterpret_cast<const dirent64*>(buffer_.data() + at);
        if (entry->d_name[0] >= '0' && entry->d_name[0] <= '9') each(&entry->d_name[0]);
        at += entry->d_reclen;
      }
    }
  }

 private:
  std::vector<char> buffer_;
};

// The first 4 KiB: enough for `comm` and `limits`. Empty when the file is gone or refused.
std::string_view read_start(const Fd& parent, const char* path, std::array<char, 4096>& buffer) {
  const Fd file(::openat(parent.number(), path, O_RDONLY | O_CLOEXEC));
  if (!file) return {};
  const auto got = ::read(file.number(), buffer.data(), buffer.size());
  return {buffer.data(), got > 0 ? static_cast<std::size_t>(got) : 0};
}

/// Reads processes one after another.
class Walk {
 public:
  explicit Walk(const WorkloadOf& workload_of) : workload_of_(workload_of) {}

  void add(const Fd& root, const char* pid) {
    const Fd process(open_directory(root, pid));
    if (!process) return note_failure();
    const Fd descriptors(open_directory(process, "fd"));
    if (!descriptors) return note_failure();

    const std::size_t sockets_before = sockets_.size();
    std::uint64_t open_fds = 0;
    bool refused = false;
    const int failed = names_.for_each_number(descriptors, [&](const char* name) {
      ++open_fds;
      if (!refused) refused = !add_descriptor(descriptors, name);
    });
    if (failed != 0 || refused) ++unreadable_;
    if (failed != 0) return sockets_.resize(sockets_before);
    if (open_fds > 0) add_process(process, pid, open_fds);
  }

  Owners take() && { return {std::move(processes_), std::move(sockets_), unreadable_}; }

 private:
  void note_failure() {
    if (!is_gone(errno)) ++unreadable_;
  }

  // False when the links of this process may not be read.
  bool add_descriptor(const Fd& descriptors, const char* name) {
    std::array<char, 32> target{};
    const auto length = ::readlinkat(descriptors.number(), name, target.data(), target.size());
    if (length < 0) return is_gone(errno);
    if (const auto inode = parse_socket_link({target.data(), static_cast<std::size_t>(length)})) {
      sockets_.push_back({*inode, static_cast<std::uint32_t>(processes_.size())});
    }
    return true;
  }

  void add_process(const Fd& directory, const char* pid, std::uint64_t open_fds) {
    Process process;
    process.pid = parse_number<std::uint32_t>(pid).value_or(0);
    process.open_fds = open_fds;
    std::array<char, 4096> buffer;
    std::string_view comm = read_start(directory, "comm", buffer);
    if (comm.ends_with('\n')) comm.remove_suffix(1);
    process.comm = comm;
    if (const auto limits = parse_process_limits(read_start(directory, "limits", buffer))) {
      process.fds_limit = limits->open_files;
    }
    struct stat netns {};
    if (::fstatat(directory.number(), "ns/net", &netns, 0) == 0) {
      process.netns = static_cast<std::uint32_t>(netns.st_ino);
    }
    process.workload = workload_of_(process.pid, 0);
    processes_.push_back(std::move(process));
  }

  const WorkloadOf& workload_of_;
  Listing names_;
  std::vector<Process> processes_;
  std::vector<Owners::SocketOwner> sockets_;
  std::uint64_t unreadable_ = 0;
};

}  // namespace

// socket:[12345]
std::optional<std::uint32_t> parse_socket_link(std::string_view target) {
  constexpr std::string_view kBefore = "socket:[";
  if (!target.starts_with(kBefore) || !target.ends_with(']')) return std::nullopt;
  target.remove_prefix(kBefore.size());
  target.remove_suffix(1);
  return parse_number<std::uint32_t>(target);
}

Result<Owners> read_owners(const std::string& procfs_root, const WorkloadOf& workload_of,
                           Deadline deadline) {
  const Fd root(::open(procfs_root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root) return errno_error("open " + procfs_root, errno);
  Walk walk(workload_of);
  bool late = false;
  const int failed = Listing().for_each_number(root, [&](const char* pid) {
    late = late || std::chrono::steady_clock::now() > deadline;
    if (!late) walk.add(root, pid);
  });
  if (failed != 0) return errno_error("read " + procfs_root, failed);
  if (late) {
    return Error{Error::Kind::timeout,
                 fmt::format("{}/*/fd: more descriptors than could be read in time", procfs_root)};
  }
  return std::move(walk).take();
}

}  // namespace socket_exporter
