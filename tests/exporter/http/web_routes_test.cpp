#include "exporter/http/web_routes.h"

#include <catch2/catch.hpp>

#include "exporter/http/gzip.h"
#include "exporter/web/web_files.h"

using namespace socket_exporter;
using Catch::Contains;

namespace {

/// The status page, as `serve` puts it together.
struct Web {
  Router router;

  Web() {
    const PageLink links[] = {{"/metrics", "Metrics"}};
    add_web_routes(router, "1.2.3", links);
  }

  HttpResponse get(std::string_view path, std::string_view header = "", std::string_view value = "",
                   std::string_view method = "GET") {
    auto request = parse_request(method, path, "");
    REQUIRE(request);
    if (!header.empty()) add_header(*request, header, value);
    return router.handle(*request);
  }
};

std::string header_of(const HttpResponse& response, std::string_view name) {
  for (const auto& [key, value] : response.headers) {
    if (key == name) return value;
  }
  return "";
}

}  // namespace

TEST_CASE("The status page links what there is and says its version", "[web_routes]") {
  Web web;
  const HttpResponse page = web.get("/");
  CHECK(page.status == 200);
  CHECK(page.content_type == "text/html; charset=utf-8");
  CHECK_THAT(page.body, Contains("<a href=\"metrics\">Metrics</a>") && Contains("Version 1.2.3"));
  CHECK_THAT(page.body, !Contains("{{"));
}

TEST_CASE("A path cannot add to the HTML of the status page", "[web_routes]") {
  const PageLink links[] = {{"/\"><script>'&", "Metrics"}};
  const std::string page = status_page("{{links}}{{version}}", "<b>", links);
  CHECK_THAT(page, Contains("href=\"&quot;&gt;&lt;script&gt;&#39;&amp;\"") &&
                       Contains("&lt;b&gt;") && !Contains("<script>") && !Contains("<b>"));
}

TEST_CASE("No file of the status page may load or run anything from elsewhere", "[web_routes]") {
  Web web;
  for (const WebFile& file : web_files()) {
    const HttpResponse response =
        web.get(file.name == "index.html" ? "/" : "/" + std::string(file.name));
    INFO(file.name);
    CHECK(response.status == 200);
    CHECK(header_of(response, "Content-Security-Policy") ==
          "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
          "img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
    CHECK(header_of(response, "Referrer-Policy") == "no-referrer");
    CHECK_THAT(response.body, !Contains("style=\"") && !Contains("innerHTML"));
  }
}

TEST_CASE("All files of the status page are small", "[web_routes]") {
  std::size_t plain = 0;
  std::size_t packed = 0;
  for (const WebFile& file : web_files()) {
    plain += file.bytes.size();
    packed += gzip(file.bytes).size();
  }
  CHECK(plain < 60'000);
  CHECK(packed < 25'000);
}

TEST_CASE("A browser that has the file already is told so", "[web_routes]") {
  Web web;
  const HttpResponse first = web.get("/status.js");
  CHECK(first.content_type == "text/javascript; charset=utf-8");
  CHECK(header_of(first, "Cache-Control") == "no-cache");
  const std::string tag = header_of(first, "ETag");
  REQUIRE_FALSE(tag.empty());

  const HttpResponse again = web.get("/status.js", "If-None-Match", tag);
  CHECK(again.status == 304);
  CHECK(again.body.empty());
  CHECK(header_of(again, "ETag") == tag);
  CHECK(header_of(again, "Content-Encoding").empty());
  CHECK(web.get("/status.js", "If-None-Match", "W/\"other\"").status == 200);
  CHECK(header_of(web.get("/status.css"), "ETag") != tag);
}

TEST_CASE("Files of the status page are packed for those who take it", "[web_routes]") {
  Web web;
  const HttpResponse packed = web.get("/status.css", "Accept-Encoding", "gzip");
  CHECK(header_of(packed, "Content-Encoding") == "gzip");
  CHECK(header_of(packed, "Vary") == "Accept-Encoding");
  CHECK(packed.body.size() * 2 < web.get("/status.css").body.size());
}

TEST_CASE("The status page answers HEAD, and nothing but its own files", "[web_routes]") {
  Web web;
  CHECK(web.get("/", "", "", "HEAD").status == 200);
  CHECK(web.get("/status.js", "", "", "POST").status == 405);
  for (const char* path : {"/index.html", "/embed.cmake", "/web_files.h", "/status.js/", "//"}) {
    INFO(path);
    CHECK(web.get(path).status == 404);
  }
}
