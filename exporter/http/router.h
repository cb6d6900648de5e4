#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "exporter/http/message.h"

namespace socket_exporter {

/// Which handler answers which path and method. Filled at start, then read by any thread.
class Router {
 public:
  /// A handler for GET answers HEAD as well. Adding the same again replaces it.
  void add(std::string method, std::string path, Handler handler);

  /// The handler's answer, or 404, or 405 with Allow. Passes on what a handler throws.
  HttpResponse handle(const HttpRequest& request) const;

  /// The path if there is a route for it, else "other": a bounded label value.
  std::string_view route_of(std::string_view path) const;

 private:
  using Methods = std::map<std::string, Handler, std::less<>>;
  std::map<std::string, Methods, std::less<>> routes_;
};

/// Adds /-/healthy, and /-/ready, which is 503 as long as `ready` says no. While the
/// server drains, it answers 503 for every path by itself.
void add_health_routes(Router& router, std::function<bool()> ready);

}  // namespace socket_exporter
