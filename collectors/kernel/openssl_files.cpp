#include "collectors/kernel/openssl_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <array>
#include <utility>

#include "collectors/base/text.h"
#include "collectors/kernel/proc_file.h"

namespace socket_exporter {
namespace {

constexpr std::string_view kDeleted = " (deleted)";
constexpr std::int64_t kSmallestProgram = 1 << 20;  // OpenSSL alone takes more

// 7f31c8a2e000-7f31c8a8b000 r-xp 0001e000 08:01 1234    /usr/lib/x86_64-linux-gnu/libssl.so.3
std::optional<MappedFile> parse_mapping(std::string_view line) {
  MappedFile file;
  file.range = next_word(line);
  const std::string_view rights = next_word(line);
  for (int i = 0; i < 3; ++i) next_word(line);  // offset, device, inode
  if (rights.size() != 4 || rights[2] != 'x' || line.empty() || line.front() != '/') return {};
  file.is_deleted = line.ends_with(kDeleted);
  if (file.is_deleted) line.remove_suffix(kDeleted.size());
  file.path = line;
  return file;
}

// Wheels of Python have their own: libssl-3a880ada.so.1.1.
bool is_openssl(std::string_view path) {
  const std::string_view name = path.substr(path.rfind('/') + 1);
  return name.starts_with("libssl") && name.find(".so") != std::string_view::npos;
}

// Of a 32-bit process arguments are elsewhere.
bool is_64_bit(const Fd& file) {
  constexpr std::string_view kStart =
      "\x7f"
      "ELF\x02";
  std::array<char, kStart.size()> start{};
  const auto got = ::pread(file.number(), start.data(), start.size(), 0);
  return got == static_cast<ssize_t>(start.size()) &&
         std::string_view(start.data(), start.size()) == kStart;
}

}  // namespace

std::vector<MappedFile> openssl_libraries(std::string_view maps) {
  std::vector<MappedFile> libraries;
  while (!maps.empty()) {
    const auto file = parse_mapping(next_line(maps));
    if (file && is_openssl(file->path)) libraries.push_back(*file);
  }
  return libraries;
}

std::vector<OpensslFile> OpensslFiles::new_files_of(std::uint32_t pid) {
  std::vector<OpensslFile> files;
  const std::string process = fmt::format("{}/{}", procfs_, pid);
  const auto maps = read_file(process + "/maps");
  if (!maps) return files;
  for (const MappedFile& library : openssl_libraries(*maps)) {
    add_new(library.is_deleted ? fmt::format("{}/map_files/{}", process, library.range)
                               : fmt::format("{}/root{}", process, library.path),
            0, files);
  }
  add_new(process + "/exe", kSmallestProgram, files);
  return files;
}

std::optional<OpensslFiles::Identity> OpensslFiles::identity_of(const Fd& file) {
  struct stat status {};
  struct statfs system {};
  if (!file || ::fstat(file.number(), &status) != 0 || !S_ISREG(status.st_mode)) return {};
  if (::fstatfs(file.number(), &system) != 0 || !is_64_bit(file)) return {};
  const bool is_overlay = system.f_type == OVERLAYFS_SUPER_MAGIC;
  return Identity{is_overlay ? 0 : status.st_dev, status.st_ino, status.st_size,
                  status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec};
}

void OpensslFiles::add_new(std::string path, std::int64_t smallest, std::vector<OpensslFile>& to) {
  Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  const auto identity = identity_of(file);
  if (!identity || identity->size < smallest || !known_.insert(*identity).second) return;
  to.push_back({std::move(path), std::move(file)});
}

}  // namespace socket_exporter
