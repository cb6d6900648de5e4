#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "collectors/base/result.h"

namespace socket_exporter {

/// The whole of a small file.
Result<std::string> read_file(const std::string& path);

/// Hands over a large file line by line, without newlines, until `line` returns false or an
/// error. Memory stays at one buffer, however long the file is.
Result<> for_each_line(const std::string& path,
                       const std::function<Result<bool>(std::string_view line)>& line);

/// How many entries a directory has, "." and ".." aside.
Result<std::size_t> count_entries(const std::string& path);

}  // namespace socket_exporter
