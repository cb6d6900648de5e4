#pragma once

#include "exporter/config/live_config.h"
#include "exporter/http/router.h"

namespace socket_exporter {

/// Adds POST (and PUT) /-/reload; 403 unless `enabled`. `config` has to outlive the server.
void add_lifecycle_routes(Router& router, LiveConfig& config, bool enabled);

}  // namespace socket_exporter
