#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "collectors/base/result.h"

namespace socket_exporter {

/// Where a process is.
struct NetnsTask {
  std::uint32_t netns = 0;  ///< inode
  std::uint32_t pid = 0;
  std::uint64_t cookie = 0;  ///< of the namespace; 0: not known
};

/// Finds by an eBPF program in which network namespace each process is; pids are those of the
/// initial pid namespace. One thread at a time.
class NetnsTasks {
 public:
  /// `denied` without the privilege, `unavailable` on an old kernel or in a build without eBPF.
  static Result<NetnsTasks> open();

  NetnsTasks(NetnsTasks&&) noexcept;
  NetnsTasks& operator=(NetnsTasks&&) noexcept;
  ~NetnsTasks();

  /// All processes of the calling thread's pid namespace.
  Result<std::vector<NetnsTask>> list();

 private:
  class Program;
  explicit NetnsTasks(std::unique_ptr<Program> program);

  std::unique_ptr<Program> program_;
};

}  // namespace socket_exporter
