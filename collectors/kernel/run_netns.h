#pragma once

#include <sys/stat.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

namespace socket_exporter {

/// The network namespaces that are mounted in a directory such as /run/netns. Gather thread only.
class RunNetns {
 public:
  using Time = std::chrono::steady_clock::time_point;

  explicit RunNetns(std::string directory) : directory_(std::move(directory)) {}

  /// Reads the directory when it changed, when that was long ago, or when it is `wanted`: a mount
  /// onto a file that was there does not show in the directory.
  void refresh(bool wanted, Time now);

  /// File names, of any bytes, by inode of the namespace.
  const std::map<std::uint32_t, std::string>& files() const { return files_; }
  std::string path_of(const std::string& file) const { return directory_ + "/" + file; }

 private:
  void read();
  bool is_changed();

  std::string directory_;
  std::map<std::uint32_t, std::string> files_;
  std::optional<Time> read_at_;
  timespec changed_at_{};  ///< the directory
};

}  // namespace socket_exporter
