#pragma once

#include <span>
#include <string>
#include <string_view>

#include "exporter/http/router.h"

namespace socket_exporter {

/// A link of the status page; the path is taken from its own address, so that it works behind a
/// proxy.
struct PageLink {
  std::string path;
  std::string_view text;
};

/// Pure. The HTML of the status page with these in their places, everything escaped.
std::string status_page(std::string_view html, std::string_view version,
                        std::span<const PageLink> links);

/// Adds "/", the status page, and its files, which are in the binary. Browsers ask each time
/// whether they have changed; no page may run or load anything from elsewhere.
void add_web_routes(Router& router, std::string_view version, std::span<const PageLink> links);

}  // namespace socket_exporter
