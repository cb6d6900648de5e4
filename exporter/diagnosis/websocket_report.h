#pragma once

#include <string>

#include "exporter/diagnosis/websocket_watch.h"

namespace socket_exporter {

/// Pure. What was seen of WebSockets and the likely causes, no line wider than 100 columns; escape
/// sequences only with `colours`.
std::string websocket_text(const WebsocketWatch& watch, bool colours);

/// Pure. The same as one JSON object.
std::string websocket_json(const WebsocketWatch& watch);

}  // namespace socket_exporter
