#include "exporter/http/server.h"

#include <CivetServer.h>
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <mutex>
#include <stdexcept>
#include <utility>

#include "exporter/http/listen_address.h"
#include "exporter/http/request_gate.h"
#include "exporter/http/served_sockets.h"

namespace socket_exporter {
namespace {

constexpr unsigned kIpv6 = 8;           // mg_check_feature
constexpr int kAnswered = 1;            // begin_request: civetweb has nothing left to do
constexpr int kAnsweredButUnread = -1;  // the same, and the request's body is not wanted
constexpr int kErrorAnswered = 0;       // http_error: no page of civetweb's
constexpr int kLogged = 1;              // log_message: no file of civetweb's
constexpr long long kBodyLimit =
    16LL * 1024;  // nothing here takes a body; small ones are read over
constexpr std::size_t kWriteStep = std::size_t{64} * 1024;
constexpr int kWriteTimeouts = 6;  // a whole answer may take this many client timeouts

/// Lets some connections stay open for their next request: each holds a thread of the server.
class KeptConnections {
 public:
  explicit KeptConnections(unsigned most) : most_(most) {}

  /// Whether it may stay. Its server tells when it ends, by forget().
  bool keep(mg_connection* connection) {
    if (mg_get_user_connection_data(connection) != nullptr) return true;
    if (count_.fetch_add(1) >= most_) {
      --count_;
      return false;
    }
    mg_set_user_connection_data(connection, this);
    return true;
  }
  void forget(const mg_connection* connection) {
    if (mg_get_user_connection_data(connection) != nullptr) --count_;
  }

 private:
  const unsigned most_;
  std::atomic<unsigned> count_{0};
};

// HTTP/1.0 clients ask for it in ways that are not worth knowing.
bool wants_to_stay(mg_connection* connection, const mg_request_info& info) {
  const char* wish = mg_get_header(connection, "Connection");
  return info.http_version == std::string_view("1.1") && wish == nullptr;
}

// civetweb's listening_ports, where "+" is IPv6 and IPv4 in one socket.
std::string civet_ports(const std::vector<ListenAddress>& addresses, bool both_families) {
  std::string ports;
  for (const ListenAddress& address : addresses) {
    if (!ports.empty()) ports += ',';
    if (!address.host.empty()) {
      ports += to_string(address);
    } else {
      ports += fmt::format("{}{}", both_families ? "+" : "0.0.0.0:", address.port);
    }
  }
  return ports;
}

std::vector<std::string> civet_options(const std::string& ports, const HttpServerOptions& options) {
  return {"listening_ports",
          ports,
          "num_threads",
          std::to_string(options.threads),
          "connection_queue",
          "128",  // accepted connections that wait for a thread
          "request_timeout_ms",
          std::to_string(options.client_timeout.count()),
          "enable_keep_alive",
          "yes",
          "keep_alive_timeout_ms",
          std::to_string(options.idle_timeout.count()),
          "enable_directory_listing",
          "no",  // no document_root either
          "enable_auth_domain_check",
          "no",  // else "GET http://host/metrics" gets no answer
          "decode_url",
          "no",  // the router's business, strictly
          "tcp_nodelay",
          "1"};
}

std::string start_advice(const std::string& error) {
  if (error.find("in use") != std::string::npos) {
    return "stop what listens there (ss -ltnp) or choose another --web.listen-address";
  }
  if (error.find("ermission") != std::string::npos) {
    return "choose a port above 1023 or grant CAP_NET_BIND_SERVICE";
  }
  if (error.find("invalid port spec") != std::string::npos)
    return "use an address or a name that resolves";
  return "choose another --web.listen-address";
}

std::vector<ListenAddress> parse_addresses(const std::vector<std::string>& texts) {
  std::vector<ListenAddress> addresses;
  for (const std::string& text : texts) {
    auto address = parse_listen_address(text);
    if (!address) throw std::runtime_error(address.error().what);
    if (address->ipv6 && mg_check_feature(kIpv6) == 0) {
      throw std::runtime_error(fmt::format(
          "listen address '{}': this system's civetweb library has no IPv6; listen on an IPv4 "
          "address, or on Debian 13 or later",
          text));
    }
    addresses.push_back(std::move(*address));
  }
  if (addresses.empty()) throw std::runtime_error("no address to listen on; write :10077");
  return addresses;
}

}  // namespace

/// The civetweb server and what its callbacks need.
class HttpServer::Front {
 public:
  Front(const std::vector<std::string>& listen_addresses, const Router& router,
        const Logger& logger, HttpServerOptions options)
      : addresses_(parse_addresses(listen_addresses)),
        router_(router),
        logger_(logger),
        options_(options),
        kept_(options.threads / 2) {
    const bool ipv6 = mg_check_feature(kIpv6) != 0;
    const bool started = (ipv6 && start(true)) || start(false);
    if (!started) {
      throw std::runtime_error(
          fmt::format("cannot listen: {}; {}", start_error_, start_advice(start_error_)));
    }
    const auto ports = server_->getListeningPorts();
    for (std::size_t i = 0; i < addresses_.size() && i < ports.size(); ++i) {
      addresses_[i].port = static_cast<std::uint16_t>(ports[i]);
    }
  }

  std::vector<std::string> urls() const {
    std::vector<std::string> urls;
    for (ListenAddress address : addresses_) {
      if (address.host.empty() || address.host == "0.0.0.0" || address.host == "::") {
        address = {.host = "localhost", .port = address.port, .ipv6 = false};
      }
      urls.push_back("http://" + to_string(address));
    }
    return urls;
  }

  // civetweb drops what is being written once it is told to stop, so it is told last. Its threads
  // look for that every two seconds, or when something comes.
  void stop() {
    if (server_ == nullptr) return;
    gate_.close_and_wait();
    std::vector<std::uint16_t> ports;
    for (const ListenAddress& address : addresses_) ports.push_back(address.port);
    end_reading(ports);
    server_->close();
    server_.reset();
  }

 private:
  // begin_request instead of CivetHandlers: it is there before the port is open, gets every
  // method, and runs ahead of all that civetweb does with paths and files.
  bool start(bool both_families) {
    start_error_.clear();
    CivetCallbacks callbacks;
    callbacks.begin_request = on_request;
    callbacks.http_error = on_error;
    callbacks.log_message = on_message;
    callbacks.connection_close = on_close;
    try {
      server_ = std::make_unique<CivetServer>(
          civet_options(civet_ports(addresses_, both_families), options_), &callbacks, this);
      const std::lock_guard lock(start_mutex_);
      started_ = true;
      return true;
    } catch (const CivetException& e) {
      const std::lock_guard lock(start_mutex_);
      if (start_error_.empty()) start_error_ = e.what();
      return false;
    }
  }

  static Front& front_of(const mg_connection* connection) {
    const void* server = mg_get_user_data(mg_get_context(connection));
    const void* front = static_cast<const CivetServer*>(server)->getUserContext();
    return *static_cast<Front*>(const_cast<void*>(front));
  }

  // The only ways from civetweb into our code: no exception leaves them.
  static int on_request(mg_connection* connection) noexcept {
    try {
      return front_of(connection).serve(connection);
    } catch (const std::exception& e) {
      front_of(connection).report("request failed", e.what());
      return kAnsweredButUnread;
    }
  }

  static int on_error(mg_connection* connection, int status, const char* text) noexcept {
    try {
      Front& front = front_of(connection);
      front.count(status, "other");
      front.write_last(connection, text_response(status, text));
    } catch (const std::exception& e) {
      front_of(connection).report("error page failed", e.what());
    }
    return kErrorAnswered;
  }

  static void on_close(const mg_connection* connection) noexcept {
    front_of(connection).kept_.forget(connection);
  }

  static int on_message(const mg_connection* connection, const char* text) noexcept {
    try {
      front_of(connection).note(text);
    } catch (const std::exception&) {
      return kLogged;  // out of memory: the message is lost, the server goes on
    }
    return kLogged;
  }

  // civetweb's own words: before the start has succeeded they say why it does not.
  void note(const char* text) {
    const std::lock_guard lock(start_mutex_);
    if (started_) {
      logger_.warn("HTTP server", {{"message", text}});
    } else if (start_error_.empty()) {
      start_error_ = text;  // the first is the cause, what follows is civetweb giving up
    }
  }

  void report(std::string_view what, const char* why) const noexcept {
    try {
      logger_.error(what, {{"error", why}});
    } catch (const std::exception&) {
      return;  // out of memory: the message is lost, the server goes on
    }
  }

  void count(int status, std::string_view path) const {
    if (options_.metrics != nullptr) options_.metrics->count(status, path);
  }

  int serve(mg_connection* connection) {
    const mg_request_info& info = *mg_get_request_info(connection);
    if (!gate_.enter()) {
      write_last(connection, text_response(503, "Shutting down"));
      return kAnsweredButUnread;
    }
    struct Leave {
      RequestGate& gate;
      ~Leave() { gate.leave(); }
    } const leave{gate_};

    if (mg_get_header(connection, "Transfer-Encoding") != nullptr ||
        info.content_length > kBodyLimit) {
      count(413, "other");
      write_last(connection, text_response(413, "Request body too large"));
      return kAnsweredButUnread;
    }
    if (!skip_body(connection, info.content_length)) return kAnsweredButUnread;
    return respond(connection, info);
  }

  int respond(mg_connection* connection, const mg_request_info& info) {
    auto request = parse_request(info.request_method, info.local_uri_raw,
                                 info.query_string != nullptr ? info.query_string : "");
    if (!request) {
      count(400, "other");
      write_last(connection, text_response(400, request.error().what));
      return kAnswered;
    }
    for (int i = 0; i < info.num_headers; ++i) {
      add_header(*request, info.http_headers[i].name, info.http_headers[i].value);
    }
    const HttpResponse response = handle(*request);
    count(response.status, router_.route_of(request->path));
    const bool stays =
        wants_to_stay(connection, info) && !gate_.is_closed() && kept_.keep(connection);
    if (!write(connection, response, request->method != "HEAD",
               stays ? Persistence::keep_alive : Persistence::close) ||
        !stays) {
      mg_disable_connection_keep_alive(connection);
    }
    return kAnswered;
  }

  HttpResponse handle(const HttpRequest& request) const {
    try {
      return router_.handle(request);
    } catch (const std::exception& e) {
      logger_.error("request failed", {{"path", request.path}, {"error", e.what()}});
      return text_response(500, "Internal error; the log says more.");
    }
  }

  // Byte by byte, so that a client which sends one now and then does not stay forever.
  bool skip_body(mg_connection* connection, long long length) const {
    const auto until = std::chrono::steady_clock::now() + options_.client_timeout;
    char byte = 0;
    for (long long i = 0; i < length; ++i) {
      if (mg_read(connection, &byte, 1) != 1 || std::chrono::steady_clock::now() > until)
        return false;
    }
    return true;
  }

  void write_last(mg_connection* connection, const HttpResponse& response) const {
    static_cast<void>(write(connection, response, true, Persistence::close));
    mg_disable_connection_keep_alive(connection);
  }

  // civetweb gives up on a client that takes nothing for a timeout; this also ends those
  // that take a little every time. False: the client did not take it all.
  bool write(mg_connection* connection, const HttpResponse& response, bool with_body,
             Persistence persistence) const {
    const char* reason = mg_get_response_code_text(connection, response.status);
    std::string first = response_head(response, reason, std::time(nullptr), persistence);
    std::string_view rest = with_body ? std::string_view(response.body) : std::string_view();
    const auto cut = [&rest] {
      const auto step = rest.substr(0, kWriteStep);
      rest.remove_prefix(step.size());
      return step;
    };
    first += cut();  // head and a small body in one packet; a large body is not copied

    const auto until = std::chrono::steady_clock::now() + kWriteTimeouts * options_.client_timeout;
    for (std::string_view step = first; !step.empty(); step = cut()) {
      const int written = mg_write(connection, step.data(), step.size());
      if (written != static_cast<int>(step.size()) || std::chrono::steady_clock::now() > until) {
        logger_.debug("client did not take its answer", {{"left", std::to_string(rest.size())}});
        return false;
      }
    }
    return true;
  }

  std::vector<ListenAddress> addresses_;
  const Router& router_;
  const Logger& logger_;
  HttpServerOptions options_;
  RequestGate gate_;
  KeptConnections kept_;
  std::mutex start_mutex_;
  std::string start_error_;              ///< constructor only
  bool started_ = false;                 ///< set before the first request
  std::unique_ptr<CivetServer> server_;  ///< last: its threads use the rest
};

HttpServer::HttpServer(const std::vector<std::string>& listen_addresses, const Router& router,
                       const Logger& logger, HttpServerOptions options)
    : front_(std::make_unique<Front>(listen_addresses, router, logger, options)) {}

HttpServer::~HttpServer() {
  stop();
}

std::vector<std::string> HttpServer::urls() const {
  return front_->urls();
}

void HttpServer::stop() {
  front_->stop();
}

}  // namespace socket_exporter
