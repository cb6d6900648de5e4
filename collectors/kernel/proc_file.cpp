#include "collectors/kernel/proc_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <vector>

#include "collectors/base/fd.h"

namespace socket_exporter {
namespace {

constexpr std::size_t kSmallFile = 4096;
constexpr std::size_t kLargeBuffer = 65536;

Result<Fd> open_to_read(const std::string& path) {
  Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return errno_error("open " + path, errno);
  return file;
}

// How many bytes came; 0 at the end of the file.
Result<std::size_t> read_some(const Fd& file, char* to, std::size_t room, const std::string& path) {
  for (;;) {
    const ssize_t got = ::read(file.number(), to, room);
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno != EINTR) return errno_error("read " + path, errno);
  }
}

Result<std::string> read_whole(const Fd& file, const std::string& path) {
  std::string text;
  for (;;) {
    const std::size_t used = text.size();
    text.resize(used + kSmallFile);
    ssize_t got = 0;
    do {
      got = ::pread(file.number(), text.data() + used, kSmallFile, static_cast<off_t>(used));
    } while (got < 0 && errno == EINTR);
    if (got < 0) return errno_error("read " + path, errno);
    text.resize(used + static_cast<std::size_t>(got));
    if (got == 0) return text;
  }
}

using LineSink = std::function<Result<bool>(std::string_view line)>;

// Hands the whole lines of `text` over and takes them off; at the end of the file the rest is a
// line too. False: the receiver has seen enough.
Result<bool> take_lines(std::string_view& text, bool at_end, const LineSink& line) {
  while (!text.empty()) {
    const auto end = text.find('\n');
    if (end == std::string_view::npos && !at_end) break;
    auto more = line(text.substr(0, end));
    if (!more || !*more) return more;
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return true;
}

}  // namespace

Result<std::string> read_file(const std::string& path) {
  const auto file = open_to_read(path);
  if (!file) return file.error();
  return read_whole(*file, path);
}

// What was open may have gone, as with a module: then the path decides.
Result<std::string> KeptFiles::read(const std::string& path) {
  if (const auto kept = files_.find(path); kept != files_.end()) {
    if (auto text = read_whole(kept->second, path)) return text;
    files_.erase(kept);
  }
  auto file = open_to_read(path);
  if (!file) return file.error();
  auto text = read_whole(*file, path);
  if (text) files_.emplace(path, std::move(*file));
  return text;
}

Result<> for_each_line(const std::string& path,
                       const std::function<Result<bool>(std::string_view line)>& line) {
  const auto file = open_to_read(path);
  if (!file) return file.error();
  std::vector<char> buffer(kLargeBuffer);
  for (std::size_t kept = 0;;) {
    if (kept == buffer.size()) return Error{Error::Kind::malformed, path + ": a line of 64 KiB"};
    const auto got = read_some(*file, buffer.data() + kept, buffer.size() - kept, path);
    if (!got) return got.error();
    std::string_view text(buffer.data(), kept + *got);
    const auto more = take_lines(text, *got == 0, line);
    if (!more) return more.error();
    if (*got == 0 || !*more) return {};
    kept = text.copy(buffer.data(), text.size());
  }
}

Result<std::size_t> count_entries(const std::string& path) {
  std::error_code error;
  std::size_t count = 0;
  for (std::filesystem::directory_iterator entry(path, error), end; !error && entry != end;
       entry.increment(error)) {
    ++count;
  }
  if (error) return errno_error("read " + path, error.value());
  return count;
}

}  // namespace socket_exporter
