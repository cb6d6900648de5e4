#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "collectors/base/fd.h"
#include "collectors/base/result.h"

namespace socket_exporter {

/// The whole of a small file.
Result<std::string> read_file(const std::string& path);

/// Small files that are read again and again: they stay open, for opening takes as long as reading.
/// Those of /proc/net and /proc/sys/net stay those of the namespace in which they were opened.
class KeptFiles {
 public:
  /// The whole of a file, as it is now.
  Result<std::string> read(const std::string& path);

 private:
  std::unordered_map<std::string, Fd> files_;
};

/// Hands over a large file line by line, without newlines, until `line` returns false or an
/// error. Memory stays at one buffer, however long the file is.
Result<> for_each_line(const std::string& path,
                       const std::function<Result<bool>(std::string_view line)>& line);

/// How many entries a directory has, "." and ".." aside.
Result<std::size_t> count_entries(const std::string& path);

}  // namespace socket_exporter
