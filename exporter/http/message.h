#pragma once

#include <ctime>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "collectors/base/result.h"

namespace socket_exporter {

/// One request as handlers see it: everything percent-decoded, repeated keys kept.
struct HttpRequest {
  std::string method;
  std::string path;
  std::vector<std::pair<std::string, std::string>> query;
  std::vector<std::pair<std::string, std::string>> headers;

  /// The header's value, whatever the case of its name; empty when there is none.
  std::string_view header(std::string_view name) const;
  /// All values of one query key, in order.
  std::vector<std::string_view> query_values(std::string_view key) const;
};

struct HttpResponse {
  int status = 200;
  std::string content_type;
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
};

using Handler = std::function<HttpResponse(const HttpRequest&)>;

/// A plain-text answer; `text` gets its newline here.
HttpResponse text_response(int status, std::string_view text);

/// The request without its headers; malformed when a %-escape is wrong.
Result<HttpRequest> parse_request(std::string_view method, std::string_view path,
                                  std::string_view query);

/// Adds a header; a repeated one becomes a list, as RFC 9110 section 5.3 allows.
void add_header(HttpRequest& request, std::string_view name, std::string_view value);

/// Whether the connection may serve another request after this one (RFC 9112 section 9.3).
enum class Persistence { close, keep_alive };

/// Status line and headers up to the empty line; the length is the whole body's.
std::string response_head(const HttpResponse& response, std::string_view reason, std::time_t now,
                          Persistence persistence);

}  // namespace socket_exporter
