#include "exporter/http/router.h"

#include <fmt/format.h>

#include <utility>

namespace socket_exporter {

void Router::add(std::string method, std::string path, Handler handler) {
  routes_[std::move(path)][std::move(method)] = std::move(handler);
}

HttpResponse Router::handle(const HttpRequest& request) const {
  const auto route = routes_.find(request.path);
  if (route == routes_.end()) return text_response(404, "404 page not found");

  const Methods& methods = route->second;
  const auto found = methods.find(request.method == "HEAD" ? "GET" : request.method);
  if (found != methods.end()) return found->second(request);

  std::string allow;
  for (const auto& [method, handler] : methods) {
    allow +=
        fmt::format("{}{}{}", allow.empty() ? "" : ", ", method, method == "GET" ? ", HEAD" : "");
  }
  HttpResponse response = text_response(405, fmt::format("Method not allowed, use {}.", allow));
  response.headers.emplace_back("Allow", std::move(allow));
  return response;
}

std::string_view Router::route_of(std::string_view path) const {
  const auto route = routes_.find(path);
  return route != routes_.end() ? std::string_view(route->first) : "other";
}

void add_health_routes(Router& router, std::function<bool()> ready) {
  router.add("GET", "/-/healthy", [](const HttpRequest&) { return text_response(200, "Healthy"); });
  router.add("GET", "/-/ready", [ready = std::move(ready)](const HttpRequest&) {
    return ready() ? text_response(200, "Ready") : text_response(503, "Not ready");
  });
}

}  // namespace socket_exporter
