#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "collectors/base/fd.h"

namespace socket_exporter {

/// A file that a process runs code of, as it shows in /proc/<pid>/maps.
struct MappedFile {
  std::string_view range;  ///< of addresses: "7f31c8a2e000-7f31c8a8b000"
  std::string_view path;   ///< as the process sees it
  bool is_deleted = false;
};

/// The libraries among them that are OpenSSL's by their name, such as libssl.so.3.
std::vector<MappedFile> openssl_libraries(std::string_view maps);

/// A library, or a program that may have one inside, however long its process lives.
struct OpensslFile {
  std::string path;  ///< where it was found
  Fd file;
};

/// Files of processes that may have OpenSSL's functions: each once, however many processes and
/// containers share it. One thread at a time.
class OpensslFiles {
 public:
  explicit OpensslFiles(std::string procfs) : procfs_(std::move(procfs)) {}

  /// Those of a process that no earlier one had. None where it may not be looked at, or has ended.
  std::vector<OpensslFile> new_files_of(std::uint32_t pid);

 private:
  /// What tells files apart. Of an overlay, the device is that of a container's mount, and the
  /// rest that of the file below, which containers share.
  struct Identity {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::int64_t size = 0;
    std::int64_t changed = 0;
    auto operator<=>(const Identity&) const = default;
  };

  static std::optional<Identity> identity_of(const Fd& file);
  void add_new(std::string path, std::int64_t smallest, std::vector<OpensslFile>& to);

  std::string procfs_;
  std::set<Identity> known_;
};

}  // namespace socket_exporter
