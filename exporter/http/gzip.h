#pragma once

#include <string>
#include <string_view>

#include "exporter/http/message.h"

namespace socket_exporter {

/// The bytes as one gzip member. Throws std::bad_alloc only.
std::string gzip(std::string_view bytes);

/// Packs the body if the request allows it, and says that it depends on that.
void compress(const HttpRequest& request, HttpResponse& response);

}  // namespace socket_exporter
