#include "exporter/http/message.h"

#include <catch2/catch.hpp>

namespace socket_exporter {

using Query = std::vector<std::pair<std::string, std::string>>;

TEST_CASE("a query is decoded, repeated and empty keys are kept", "[http]") {
  const auto [text, expected] = GENERATE(table<std::string, Query>({
      {"", {}},
      {"a=1", {{"a", "1"}}},
      {"collect[]=a&collect%5B%5d=b", {{"collect[]", "a"}, {"collect[]", "b"}}},
      {"a=b+c%20d%2B", {{"a", "b c d+"}}},
      {"a&b=&=c&&d=e=f", {{"a", ""}, {"b", ""}, {"", "c"}, {"d", "e=f"}}},
      {"a=%00", {{"a", std::string(1, '\0')}}},
  }));
  INFO(text);
  const auto request = parse_request("GET", "/", text);
  REQUIRE(request);
  CHECK(request->query == expected);
}

TEST_CASE("a wrong escape is malformed", "[http]") {
  const std::string text = GENERATE("%", "%2", "%zz", "%2g", "%-1", "% 1", "a%");
  INFO(text);
  CHECK_FALSE(parse_request("GET", "/", "a=" + text));
  CHECK_FALSE(parse_request("GET", "/", text + "=b"));
  CHECK_FALSE(parse_request("GET", "/" + text, ""));
}

TEST_CASE("a path is decoded, its plus signs are not blanks", "[http]") {
  const auto request = parse_request("GET", "/a+b%2fc", "");
  REQUIRE(request);
  CHECK(request->path == "/a+b/c");
}

TEST_CASE("headers are found in any case, repeated ones are one list", "[http]") {
  HttpRequest request;
  add_header(request, "Accept", "text/plain");
  add_header(request, "accept", "*/*");

  CHECK(request.header("ACCEPT") == "text/plain, */*");
  CHECK(request.header("Accept-Encoding").empty());
}

TEST_CASE("a response's head has its date, length and headers", "[http]") {
  HttpResponse response = text_response(503, "try again");
  response.headers.emplace_back("Retry-After", "1");

  CHECK(response_head(response, "Service Unavailable", 784111777, Persistence::close) ==
        "HTTP/1.1 503 Service Unavailable\r\n"
        "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
        "Connection: close\r\n"
        "Content-Type: text/plain; charset=utf-8\r\n"
        "Content-Length: 10\r\n"
        "X-Content-Type-Options: nosniff\r\n"
        "Retry-After: 1\r\n"
        "\r\n");
  CHECK_THAT(response_head(response, "Service Unavailable", 784111777, Persistence::keep_alive),
             Catch::Contains("\r\nConnection: keep-alive\r\n"));
}

TEST_CASE("an answer of 304 says no length: it would be that of what the client has", "[http]") {
  const HttpResponse response{.status = 304, .content_type = {}, .body = {}, .headers = {}};
  const std::string head = response_head(response, "Not Modified", 784111777, Persistence::close);
  CHECK(head.find("\nContent-") == std::string::npos);
}

}  // namespace socket_exporter
