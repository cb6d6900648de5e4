#include "exporter/http/web_routes.h"

#include <fmt/format.h>

#include <cstdint>
#include <stdexcept>
#include <utility>

#include "exporter/http/gzip.h"
#include "exporter/web/web_files.h"

namespace socket_exporter {
namespace {

constexpr std::string_view kPage = "index.html";
constexpr std::string_view kVersionPlace = "{{version}}";
constexpr std::string_view kLinksPlace = "{{links}}";
constexpr const char* kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Content types by the end of a name.
constexpr std::pair<std::string_view, std::string_view> kTypes[] = {
    {".html", "text/html; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".svg", "image/svg+xml"},
};

std::string_view type_of(std::string_view name) {
  for (const auto& [end, type] : kTypes) {
    if (name.ends_with(end)) return type;
  }
  throw std::logic_error(fmt::format("no content type for {}", name));
}

std::string escaped(std::string_view text) {
  constexpr std::pair<char, std::string_view> kEntities[] = {
      {'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}, {'\'', "&#39;"}};
  std::string html;
  for (const char c : text) {
    std::string_view written(&c, 1);
    for (const auto& [special, entity] : kEntities) {
      if (c == special) written = entity;
    }
    html += written;
  }
  return html;
}

std::string with(std::string_view html, std::string_view place, std::string_view text) {
  const auto at = html.find(place);
  if (at == std::string_view::npos) throw std::logic_error(fmt::format("no {} in the page", place));
  return fmt::format("{}{}{}", html.substr(0, at), text, html.substr(at + place.size()));
}

// FNV-1a: only has to differ when the file does.
std::string entity_tag(std::string_view bytes) {
  std::uint64_t hash = 14695981039346656037U;
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
  return fmt::format("\"{:016x}\"", hash);
}

// As lists of tags come from browsers and proxies; "W/" is added by those that pack the body.
bool is_known(std::string_view if_none_match, std::string_view tag) {
  return if_none_match.find(tag) != std::string_view::npos;
}

// The body is the same for all requests, packed or not, so the tag is of what is in it.
Handler file_handler(std::string_view name, std::string bytes) {
  HttpResponse plain{.status = 200,
                     .content_type = std::string(type_of(name)),
                     .body = std::move(bytes),
                     .headers = {{"Cache-Control", "no-cache"},
                                 {"ETag", ""},
                                 {"Content-Security-Policy", kPolicy},
                                 {"Referrer-Policy", "no-referrer"}}};
  std::string tag = entity_tag(plain.body);
  plain.headers[1].second = "W/" + tag;
  return [plain = std::move(plain), tag = std::move(tag)](const HttpRequest& request) {
    HttpResponse response = plain;
    if (is_known(request.header("If-None-Match"), tag)) {
      response.status = 304;
      response.body.clear();
      response.content_type.clear();
      return response;
    }
    compress(request, response);
    return response;
  };
}

}  // namespace

std::string status_page(std::string_view html, std::string_view version,
                        std::span<const PageLink> links) {
  std::string items;
  for (const PageLink& link : links) {
    const std::string_view path(link.path);
    items += fmt::format("<li><a href=\"{}\">{}</a></li>\n",
                         escaped(path.substr(path.starts_with('/') ? 1 : 0)), escaped(link.text));
  }
  return with(with(html, kLinksPlace, items), kVersionPlace, escaped(version));
}

void add_web_routes(Router& router, std::string_view version, std::span<const PageLink> links) {
  for (const WebFile& file : web_files()) {
    if (file.name == kPage) {
      router.add("GET", "/", file_handler(file.name, status_page(file.bytes, version, links)));
    } else {
      router.add("GET", fmt::format("/{}", file.name),
                 file_handler(file.name, std::string(file.bytes)));
    }
  }
}

}  // namespace socket_exporter
