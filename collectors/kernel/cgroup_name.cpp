#include "collectors/kernel/cgroup_name.h"

#include <fcntl.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

namespace socket_exporter {
namespace {

constexpr int kKernfsHandle = 0xFE;  // FILEID_KERNFS

}  // namespace

// The handle of a cgroup is its id.
Result<std::string> cgroup_path(const Fd& root, std::uint64_t id) {
  alignas(file_handle) std::array<char, sizeof(file_handle) + sizeof id> bytes{};
  auto* const handle = reinterpret_cast<file_handle*>(bytes.data());
  handle->handle_bytes = sizeof id;
  handle->handle_type = kKernfsHandle;
  std::memcpy(bytes.data() + sizeof(file_handle), &id, sizeof id);
  const Fd cgroup(::open_by_handle_at(root.number(), handle, O_PATH | O_CLOEXEC));
  if (!cgroup) return errno_error("open_by_handle_at", errno);
  std::error_code error;
  const auto path =
      std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(cgroup.number()), error);
  if (error) return errno_error("readlink", error.value());
  return path.string();
}

}  // namespace socket_exporter
