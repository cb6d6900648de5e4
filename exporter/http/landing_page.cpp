#include "exporter/http/landing_page.h"

#include <fmt/format.h>

namespace socket_exporter {
namespace {

std::string escaped(std::string_view text) {
  std::string html;
  for (const char c : text) {
    switch (c) {
      case '&':
        html += "&amp;";
        break;
      case '<':
        html += "&lt;";
        break;
      case '>':
        html += "&gt;";
        break;
      case '"':
        html += "&quot;";
        break;
      case '\'':
        html += "&#39;";
        break;
      default:
        html += c;
    }
  }
  return html;
}

}  // namespace

std::string landing_page(std::string_view version, std::span<const LandingLink> links) {
  std::string items;
  for (const LandingLink& link : links) {
    items +=
        fmt::format("<li><a href=\"{}\">{}</a></li>\n", escaped(link.path), escaped(link.text));
  }
  return fmt::format(
      "<!DOCTYPE html>\n"
      "<html lang=\"en\">\n"
      "<head><meta charset=\"utf-8\"><title>socket_exporter</title></head>\n"
      "<body>\n"
      "<h1>socket_exporter</h1>\n"
      "<p>Prometheus exporter for sockets and ephemeral ports, version {}.</p>\n"
      "<ul>\n{}</ul>\n"
      "</body>\n"
      "</html>\n",
      escaped(version), items);
}

}  // namespace socket_exporter
