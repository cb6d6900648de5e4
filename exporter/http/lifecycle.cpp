#include "exporter/http/lifecycle.h"

#include <fmt/format.h>

namespace socket_exporter {

void add_lifecycle_routes(Router& router, LiveConfig& config, bool enabled) {
  const Handler reload = [&config, enabled](const HttpRequest&) {
    if (!enabled) return text_response(403, "Lifecycle API is not enabled.");
    const auto reloaded = config.reload();
    if (reloaded) return text_response(200, "Reloaded.");
    return text_response(500, fmt::format("failed to reload config: {}", reloaded.error().what));
  };
  router.add("POST", "/-/reload", reload);
  router.add("PUT", "/-/reload", reload);
}

}  // namespace socket_exporter
