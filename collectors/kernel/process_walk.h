#pragma once

#include <memory>

#include "collectors/base/result.h"
#include "collectors/kernel/kernel.h"
#include "collectors/kernel/owners.h"

namespace socket_exporter {

/// Which sockets have their inode in Owners. All others are counted in the kernel, which is
/// several times cheaper.
enum class Inodes {
  needed,  ///< of listeners, and of sockets that may have several descriptors
  all,
};

/// Looks at all descriptors of all processes in this pid namespace and those below it, by an eBPF
/// program. One thread at a time.
class ProcessWalk {
 public:
  /// `denied` without the privilege, `unavailable` on an old kernel or in a build without eBPF.
  static Result<ProcessWalk> open();

  ProcessWalk(ProcessWalk&&) noexcept;
  ProcessWalk& operator=(ProcessWalk&&) noexcept;
  ~ProcessWalk();

  /// At most kMostDestinations of `wanted` are looked for. A socket with several descriptors in
  /// a process counts several times towards its destination.
  Result<Owners> walk(Inodes inodes, const DestinationSet& wanted, const WorkloadOf& workload_of,
                      Deadline deadline);

 private:
  class Program;
  explicit ProcessWalk(std::unique_ptr<Program> program);

  std::unique_ptr<Program> program_;
};

}  // namespace socket_exporter
