#pragma once

#include <string_view>

#include "exporter/scrape/exposition.h"

namespace socket_exporter {

/// The format for that Accept header: OpenMetrics for those who name it and do not
/// prefer text, else text, also for those who accept neither.
ExpositionFormat choose_format(std::string_view accept);

/// Whether that Accept-Encoding header allows gzip and does not prefer plain bytes.
bool accepts_gzip(std::string_view accept_encoding);

}  // namespace socket_exporter
