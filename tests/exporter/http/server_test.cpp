#include "exporter/http/server.h"

#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <condition_variable>
#include <future>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "tests/exporter/http/raw_client.h"

namespace socket_exporter {
namespace {

using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;
using namespace std::chrono_literals;

const Logger kLogger(LogLevel::error, LogFormat::logfmt);

/// Lets a number of threads meet, or one wait for another.
class Meeting {
 public:
  explicit Meeting(unsigned members) : missing_(members) {}

  void arrive() {
    const std::lock_guard lock(mutex_);
    if (--missing_ == 0) all_here_.notify_all();
  }
  bool wait() {
    std::unique_lock lock(mutex_);
    return all_here_.wait_for(lock, RawClient::kLimit, [this] { return missing_ == 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable all_here_;
  unsigned missing_;
};

HttpResponse hello(const HttpRequest& request) {
  return text_response(200, fmt::format("hello {}", request.path));
}

std::string status_line(const std::string& answer) {
  return answer.substr(0, answer.find('\r'));
}

}  // namespace

TEST_CASE("the server answers what it is asked, and refuses the rest in good order", "[http]") {
  HttpMetrics metrics;
  Router router;
  router.add("GET", "/hello", hello);
  router.add("POST", "/change", hello);
  router.add("GET", "/broken",
             [](const HttpRequest&) -> HttpResponse { throw std::runtime_error("broken"); });
  HttpServer server({"127.0.0.1:0"}, router, kLogger,
                    {.threads = 4, .client_timeout = 500ms, .metrics = &metrics});
  const std::string url = server.urls().at(0);

  struct Exchange {
    std::string request;
    std::string status;
  };
  const Exchange exchanges[] = {
      {"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 OK"},
      {"GET /hello?a=%20b HTTP/1.0\r\n\r\n", "HTTP/1.1 200 OK"},
      {"GET /%68ello HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK"},
      {"GET /hello HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
       "HTTP/1.1 200 OK"},
      {"POST /change HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody", "HTTP/1.1 200 OK"},
      {"GET /nothing HTTP/1.1\r\n\r\n", "HTTP/1.1 404 Not Found"},
      {"GET /hello/ HTTP/1.1\r\n\r\n", "HTTP/1.1 404 Not Found"},
      {"GET /../../etc/passwd HTTP/1.1\r\n\r\n", "HTTP/1.1 404 Not Found"},
      {"GET /x.cgi HTTP/1.1\r\n\r\n", "HTTP/1.1 404 Not Found"},
      {"POST /hello HTTP/1.1\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 405 Method Not Allowed"},
      {"PUT /hello HTTP/1.1\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 405 Method Not Allowed"},
      {"OPTIONS /hello HTTP/1.1\r\n\r\n", "HTTP/1.1 405 Method Not Allowed"},
      {"PROPFIND /hello HTTP/1.1\r\n\r\n", "HTTP/1.1 405 Method Not Allowed"},
      {"GET /hello?a=%zz HTTP/1.1\r\n\r\n", "HTTP/1.1 400 Bad Request"},
      {"GET /hello%2 HTTP/1.1\r\n\r\n", "HTTP/1.1 400 Bad Request"},
      {"NONSENSE /hello HTTP/1.1\r\n\r\n", "HTTP/1.1 400 Bad Request"},
      {"GET\r\n\r\n", "HTTP/1.1 400 Bad Request"},
      {"GET /hello\r\n\r\n", "HTTP/1.1 400 Bad Request"},
      {"GET /hello HTTP/9.9\r\n\r\n", "HTTP/1.1 505 HTTP Version not supported"},
      {std::string("\0\1\2\r\n\r\n", 7), "HTTP/1.1 400 Bad Request"},
      {std::string("\x16\x03\x01\x02\x00\x01\r\n\r\n", 10), "HTTP/1.1 400 Bad Request"},
      {"GET /hello HTTP/1.1\r\nno colon\r\n\r\n", "HTTP/1.1 400 Bad Request"},
      {"GET /hello HTTP/1.1\r\nX: " + std::string(20'000, 'x'), "HTTP/1.1 400 Bad Request"},
      {"POST /change HTTP/1.1\r\nContent-Length: 16385\r\n\r\n",
       "HTTP/1.1 413 Request Entity Too Large"},
      {"POST /change HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
       "HTTP/1.1 413 Request Entity Too Large"},
      {"POST /change HTTP/1.1\r\nContent-Length: -1\r\n\r\n", "HTTP/1.1 411 Length Required"},
      {"GET /broken HTTP/1.1\r\n\r\n", "HTTP/1.1 500 Internal Server Error"},
      {"GET /hello HTTP/1.1\r\nHalf: a header", "HTTP/1.1 400 Bad Request"},  // too slow
  };
  for (const auto& [request, status] : exchanges) {
    INFO(request.substr(0, 100));
    const std::string answer = talk(url, request);
    CHECK(status_line(answer) == status);
    CHECK_THAT(answer, Contains(fmt::format("\r\nContent-Length: {}\r\n", body_of(answer).size())));
    CHECK_THAT(answer, Contains("\r\nX-Content-Type-Options: nosniff\r\n"));
    CHECK_THAT(answer, Contains("\r\nConnection: "));
  }

  // "http://host/path" is a path on this host, whatever it is called.
  const std::string port = url.substr(url.rfind(':') + 1);
  CHECK_THAT(talk(url, "GET http://example.org:" + port + "/hello HTTP/1.1\r\n\r\n"),
             StartsWith("HTTP/1.1 200 OK"));

  const std::string got = http_get(url, "/hello");
  const std::string head = talk(url, "HEAD /hello HTTP/1.1\r\n\r\n");
  CHECK(body_of(got) == "hello /hello\n");
  CHECK(body_of(head).empty());
  CHECK_THAT(head, Contains("\r\nContent-Length: 13\r\n"));

  // Garbage without an answer worth a check: the server has to live on.
  for (const char* garbage :
       {"OPTIONS * HTTP/1.1\r\n\r\n", "GET http://x HTTP/1.1\r\n\r\n", "GET //// HTTP/1.1\r\n\r\n",
        "\r\n\r\n\r\n", "GET ? HTTP/1.1\r\n\r\n"}) {
    talk(url, garbage);
  }
  CHECK(status_line(http_get(url, "/hello")) == "HTTP/1.1 200 OK");

  const auto families = metrics.collect();
  REQUIRE(families.size() == 1);
  for (const auto& metric : families[0].metric) {
    const std::string& path = metric.label.at(1).value;
    CHECK((path == "/hello" || path == "/change" || path == "/broken" || path == "other"));
  }
}

TEST_CASE("a connection serves one request after another, as long as threads are left", "[http]") {
  Router router;
  router.add("GET", "/hello", hello);
  HttpServer server({"127.0.0.1:0"}, router, kLogger, {.threads = 4, .idle_timeout = 500ms});
  const std::string url = server.urls().at(0);
  const std::string request = "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n";
  const auto ask = [&](RawClient& client) {
    REQUIRE(client.send(request));
    return client.read_some(4096);
  };

  RawClient first(url);
  RawClient second(url);
  for (int i = 0; i < 3; ++i) {
    CHECK_THAT(ask(first), Contains("\r\nConnection: keep-alive\r\n") &&
                               Catch::Matchers::EndsWith("hello /hello\n"));
    CHECK_THAT(ask(second), Contains("\r\nConnection: keep-alive\r\n"));
  }
  // Half of the threads are for those that come now.
  RawClient third(url);
  REQUIRE(third.send(request));
  CHECK_THAT(third.read_all(), Contains("\r\nConnection: close\r\n"));

  first.end();
  CHECK(first.read_all().empty());
  const auto is_kept = [&] {
    RawClient next(url);
    return ask(next).find("keep-alive") != std::string::npos;
  };
  const auto limit = std::chrono::steady_clock::now() + RawClient::kLimit;
  bool was_kept = false;
  while (!was_kept && std::chrono::steady_clock::now() < limit) was_kept = is_kept();
  CHECK(was_kept);
  CHECK(second.read_all().empty());  // idle for too long

  for (const char* last :
       {"GET /hello HTTP/1.0\r\n\r\n", "GET /hello HTTP/1.1\r\nConnection: close\r\n\r\n"}) {
    RawClient client(url);
    REQUIRE(client.send(last));
    CHECK_THAT(client.read_all(), Contains("\r\nConnection: close\r\n"));
  }
}

TEST_CASE("forty requests are at work at the same time", "[http]") {
  constexpr unsigned kClients = 40;
  Meeting all_inside(kClients);
  Router router;
  router.add("GET", "/meet", [&](const HttpRequest&) {
    all_inside.arrive();
    return text_response(all_inside.wait() ? 200 : 500, "met");
  });
  HttpServer server({"127.0.0.1:0"}, router, kLogger);

  std::vector<std::future<std::string>> answers;
  for (unsigned i = 0; i < kClients; ++i) {
    answers.push_back(std::async(std::launch::async, [url = server.urls().at(0)] {
      return status_line(http_get(url, "/meet"));
    }));
  }
  for (auto& answer : answers) CHECK(answer.get() == "HTTP/1.1 200 OK");
}

TEST_CASE("clients that do not read or write hold up nobody, and not for long", "[http]") {
  Router router;
  router.add("GET", "/hello", hello);
  router.add("GET", "/large",
             [](const HttpRequest&) { return text_response(200, std::string(32 << 20, 'x')); });
  HttpServer server({"127.0.0.1:0"}, router, kLogger, {.threads = 3, .client_timeout = 300ms});
  const std::string url = server.urls().at(0);

  RawClient silent(url);
  RawClient reader(url, 4096);
  REQUIRE(reader.send("GET /large HTTP/1.1\r\n\r\n"));
  REQUIRE(reader.read_some(8) == "HTTP/1.1");
  CHECK(body_of(http_get(url, "/hello")) == "hello /hello\n");

  // Three more fill the server; it takes the next when it has given those up.
  RawClient more[3] = {RawClient(url, 4096), RawClient(url, 4096), RawClient(url, 4096)};
  for (RawClient& client : more) REQUIRE(client.send("GET /large HTTP/1.1\r\n\r\n"));
  CHECK(body_of(http_get(url, "/hello")) == "hello /hello\n");
  CHECK(reader.read_all().size() < (32U << 20U));
}

TEST_CASE("stop() lets a running request be answered whole, and takes no new one", "[http]") {
  const std::string large(8 << 20, 'x');
  Meeting inside(1);
  Meeting go_on(1);
  Router router;
  router.add("GET", "/slow", [&](const HttpRequest&) {
    inside.arrive();
    go_on.wait();
    return text_response(200, large);
  });
  HttpServer server({"127.0.0.1:0"}, router, kLogger, {.threads = 4});
  const std::string url = server.urls().at(0);

  auto running = std::async(std::launch::async, [&] { return http_get(url, "/slow"); });
  REQUIRE(inside.wait());
  auto stopped = std::async(std::launch::async, [&] { server.stop(); });

  // A path without a route is 404 until the server drains.
  std::string refused;
  do {
    refused = status_line(http_get(url, "/other"));
  } while (refused == "HTTP/1.1 404 Not Found");
  CHECK(refused == "HTTP/1.1 503 Service Unavailable");
  CHECK(stopped.wait_for(0s) == std::future_status::timeout);

  go_on.arrive();
  CHECK(body_of(running.get()) == large + "\n");
  REQUIRE(stopped.wait_for(RawClient::kLimit) == std::future_status::ready);
  CHECK_THROWS(http_get(url, "/slow"));
  server.stop();
}

TEST_CASE("stop() does not wait for clients that ask nothing", "[http]") {
  Router router;
  router.add("GET", "/hello", hello);
  HttpServer server({"127.0.0.1:0"}, router, kLogger, {.threads = 4});
  const std::string url = server.urls().at(0);
  RawClient kept(url);
  RawClient silent(url);
  REQUIRE(kept.send("GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n"));
  REQUIRE_THAT(kept.read_some(1000), Contains("keep-alive"));

  const auto begin = std::chrono::steady_clock::now();
  server.stop();
  CHECK(std::chrono::steady_clock::now() - begin < 1s);  // of two that civetweb waits for them
}

TEST_CASE("a server that cannot listen says where, why and what to do", "[http]") {
  const Router router;
  const auto error_of = [&](const std::vector<std::string>& addresses) -> std::string {
    try {
      HttpServer server(addresses, router, kLogger, {.threads = 1});
      return "it listens on " + server.urls().at(0);
    } catch (const std::runtime_error& e) {
      return e.what();
    }
  };

  SECTION("the port is taken") {
    HttpServer first({"127.0.0.1:0"}, router, kLogger, {.threads = 1});
    const std::string taken = first.urls().at(0).substr(7);
    const std::string error = error_of({taken});
    CHECK_THAT(error, Contains(taken));
    CHECK_THAT(error, Contains("Address already in use"));
    CHECK_THAT(error, Contains("--web.listen-address"));
    CHECK_THAT(error_of({"127.0.0.1:0", taken}), Contains("Address already in use"));
  }
  SECTION("the address is not of this host") {
    CHECK_THAT(error_of({"192.0.2.1:0"}), Contains("Cannot assign requested address"));
  }
  SECTION("the address is none") {
    CHECK_THAT(error_of({"10077"}), Contains("no port"));
    CHECK_THAT(error_of({}), Contains("no address"));
  }
  SECTION("IPv6 works, or the reason is given") {
    CHECK_THAT(error_of({"[::1]:0"}),
               Contains("it listens on http://[::1]:") || Contains("no IPv6"));
  }
}

TEST_CASE("every address is listened on and has its URL", "[http]") {
  Router router;
  router.add("GET", "/hello", hello);
  HttpServer server({"127.0.0.1:0", "localhost:0", ":0"}, router, kLogger, {.threads = 2});

  const auto urls = server.urls();
  REQUIRE(urls.size() == 3);
  CHECK_THAT(urls[0], StartsWith("http://127.0.0.1:"));
  CHECK_THAT(urls[1], StartsWith("http://localhost:"));
  CHECK_THAT(urls[2], StartsWith("http://localhost:"));
  for (const std::string& url : urls) CHECK(body_of(http_get(url, "/hello")) == "hello /hello\n");
}

}  // namespace socket_exporter
