#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "exporter/http/http_metrics.h"
#include "exporter/http/router.h"
#include "exporter/log.h"

namespace socket_exporter {

struct HttpServerOptions {
  unsigned threads = 64;  ///< requests at work at the same time; more than --web.max-requests
  /// What a client has to send its request, and to take more of the answer each time.
  std::chrono::milliseconds client_timeout{5000};
  /// How long a connection may wait for its next request: longer than a usual scrape interval.
  std::chrono::milliseconds idle_timeout{75'000};
  HttpMetrics* metrics = nullptr;
};

/// Serves a router's answers over HTTP from construction to stop(). Half of the threads may be
/// held by idle connections. The router, logger and metrics have to outlive it.
class HttpServer {
 public:
  /// Throws std::runtime_error, saying which address, what happened and what to do.
  HttpServer(const std::vector<std::string>& listen_addresses, const Router& router,
             const Logger& logger, HttpServerOptions options = {});
  ~HttpServer();

  /// "http://127.0.0.1:10077", one an address, with the port the kernel chose for 0.
  std::vector<std::string> urls() const;

  /// Answers new requests with 503, waits until those at work are answered whole, then
  /// closes. Safe to call again, from one thread at a time.
  void stop();

 private:
  class Front;
  std::unique_ptr<Front> front_;
};

}  // namespace socket_exporter
