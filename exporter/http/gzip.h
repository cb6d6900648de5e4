#pragma once

#include <string>
#include <string_view>

namespace socket_exporter {

/// The bytes as one gzip member. Throws std::bad_alloc only.
std::string gzip(std::string_view bytes);

}  // namespace socket_exporter
