#include "exporter/http/message.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>

#include "collectors/base/text.h"

namespace socket_exporter {
namespace {

bool same_name(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

std::optional<char> hex_byte(std::string_view digits) {
  constexpr std::string_view kHex = "0123456789abcdefABCDEF";
  if (digits.size() != 2 || digits.find_first_not_of(kHex) != std::string_view::npos)
    return std::nullopt;
  return static_cast<char>(*parse_number<unsigned>(digits, 16));
}

// "a%2Fb" is "a/b"; in a query, "+" is a blank besides.
Result<std::string> decode(std::string_view text, bool plus_is_blank) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      const auto byte = hex_byte(text.substr(i + 1, 2));
      if (!byte) return Error{Error::Kind::malformed, fmt::format("bad escape in '{}'", text)};
      decoded += *byte;
      i += 2;
    } else {
      decoded += plus_is_blank && text[i] == '+' ? ' ' : text[i];
    }
  }
  return decoded;
}

}  // namespace

std::string_view HttpRequest::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (same_name(key, name)) return value;
  }
  return {};
}

std::vector<std::string_view> HttpRequest::query_values(std::string_view key) const {
  std::vector<std::string_view> values;
  for (const auto& [name, value] : query) {
    if (name == key) values.push_back(value);
  }
  return values;
}

HttpResponse text_response(int status, std::string_view text) {
  return {.status = status,
          .content_type = "text/plain; charset=utf-8",
          .body = fmt::format("{}\n", text),
          .headers = {}};
}

Result<HttpRequest> parse_request(std::string_view method, std::string_view path,
                                  std::string_view query) {
  auto decoded_path = decode(path, false);
  if (!decoded_path) return decoded_path.error();
  HttpRequest request{
      .method = std::string(method), .path = std::move(*decoded_path), .query = {}, .headers = {}};
  while (!query.empty()) {
    const auto pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(pair.size() + 1, query.size()));
    if (pair.empty()) continue;
    const auto equals = std::min(pair.find('='), pair.size());
    auto key = decode(pair.substr(0, equals), true);
    if (!key) return key.error();
    auto value = decode(pair.substr(std::min(equals + 1, pair.size())), true);
    if (!value) return value.error();
    request.query.emplace_back(std::move(*key), std::move(*value));
  }
  return request;
}

void add_header(HttpRequest& request, std::string_view name, std::string_view value) {
  for (auto& [key, list] : request.headers) {
    if (!same_name(key, name)) continue;
    list.append(", ").append(value);
    return;
  }
  request.headers.emplace_back(name, value);
}

std::string response_head(const HttpResponse& response, std::string_view reason, std::time_t now,
                          Persistence persistence) {
  std::string head = fmt::format(
      "HTTP/1.1 {} {}\r\nDate: {:%a, %d %b %Y %H:%M:%S} GMT\r\nConnection: {}\r\n", response.status,
      reason, fmt::gmtime(now), persistence == Persistence::close ? "close" : "keep-alive");
  auto out = std::back_inserter(head);
  if (!response.content_type.empty()) {
    fmt::format_to(out, "Content-Type: {}\r\n", response.content_type);
  }
  // Of 304 it would be the length of what the client has.
  if (response.status != 304) fmt::format_to(out, "Content-Length: {}\r\n", response.body.size());
  head += "X-Content-Type-Options: nosniff\r\n";
  for (const auto& [name, value] : response.headers) fmt::format_to(out, "{}: {}\r\n", name, value);
  head += "\r\n";
  return head;
}

}  // namespace socket_exporter
