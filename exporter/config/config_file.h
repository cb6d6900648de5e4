#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/base/result.h"
#include "exporter/config/checks.h"
#include "exporter/config/service_match.h"

namespace socket_exporter {

/// A name for destinations: label `peer_service`.
struct Service {
  std::string name;
  std::vector<ServiceMatch> match;
};

/// Which connections may be WebSockets, by the port of the server.
struct WebsocketConfig {
  std::vector<std::uint16_t> ports;         ///< of servers on this host
  std::vector<std::uint16_t> client_ports;  ///< of servers that clients on this host connect to
  bool learns = false;                      ///< `auto`: ports of servers on this host, too
  bool tls = false;                         ///< inside of TLS, too, by OpenSSL
  std::map<std::uint16_t, std::uint64_t> limits;  ///< connections that a server takes, by port
};

/// What socket_exporter.yml says; empty where there is none.
struct Config {
  std::vector<Service> services;
  CheckThresholds checks;
  WebsocketConfig websocket;
};

/// Pure. Errors name file, line and key, and say what would be right.
Result<Config> parse_config(std::string_view text, std::string_view file_name);

/// Reads and parses the file; an empty path is an empty configuration.
Result<Config> load_config(const std::string& path);

}  // namespace socket_exporter
