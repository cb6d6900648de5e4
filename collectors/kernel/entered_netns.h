#pragma once

#include <cstdint>
#include <string>

#include "collectors/base/fd.h"
#include "collectors/base/result.h"

namespace socket_exporter {

/// The calling thread is in another network namespace for as long as this lives. What it opens
/// there, sockets or files below /proc/sys/net, stays there. Needs CAP_SYS_ADMIN.
class EnteredNetns {
 public:
  /// `path` is a namespace file, such as "/proc/42/ns/net"; `unavailable` when it is no longer that
  /// of the namespace with this inode.
  static Result<EnteredNetns> enter(const std::string& path, std::uint32_t inode);

  EnteredNetns(EnteredNetns&&) noexcept = default;
  EnteredNetns& operator=(EnteredNetns&&) = delete;
  ~EnteredNetns();

 private:
  explicit EnteredNetns(Fd before) : before_(std::move(before)) {}

  Fd before_;
};

}  // namespace socket_exporter
