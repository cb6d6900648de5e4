#pragma once

#include <span>
#include <string_view>

namespace socket_exporter {

/// A file of the status page, as it was when the program was built.
struct WebFile {
  std::string_view name;  ///< "status.js"
  std::string_view bytes;
};

/// All of them; embed.cmake writes what is in it.
std::span<const WebFile> web_files();

}  // namespace socket_exporter
