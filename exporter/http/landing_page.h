#pragma once

#include <span>
#include <string>
#include <string_view>

namespace socket_exporter {

/// A link on the landing page.
struct LandingLink {
  std::string path;
  std::string_view text;
};

/// Pure. The page at "/": plain HTML, everything escaped.
std::string landing_page(std::string_view version, std::span<const LandingLink> links);

}  // namespace socket_exporter
