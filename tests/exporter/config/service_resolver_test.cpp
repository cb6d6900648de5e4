#include "exporter/config/service_resolver.h"

#include <catch2/catch.hpp>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>

using namespace socket_exporter;
using namespace std::chrono_literals;

namespace {

constexpr auto kLimit = 10s;
constexpr auto kNever = 1h;
constexpr auto kOften = 1ms;

const Logger kQuiet(LogLevel::error, LogFormat::logfmt);

IpAddress address(std::string_view text) {
  return parse_address(text).value();
}

// A name service of values. A host in `slow` is not answered until it is released.
class Names {
 public:
  ServiceResolver::Resolve resolver() {
    return [this](const std::string& host) -> Result<std::vector<IpAddress>> {
      std::unique_lock lock(mutex_);
      ++asked_;
      changed_.notify_all();
      changed_.wait(lock, [&] { return !slow_.contains(host); });
      const auto it = addresses_.find(host);
      if (it == addresses_.end()) return Error{Error::Kind::timeout, "no answer for " + host};
      return it->second;
    };
  }
  void set(const std::string& host, std::vector<IpAddress> addresses) {
    change([&] { addresses_[host] = std::move(addresses); });
  }
  void lose(const std::string& host) {
    change([&] { addresses_.erase(host); });
  }
  void hang(const std::string& host) {
    change([&] { slow_.insert(host); });
  }
  void release(const std::string& host) {
    change([&] { slow_.erase(host); });
  }
  bool wait_asked(int times) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kLimit, [&] { return asked_ >= times; });
  }

 private:
  template <typename F>
  void change(F f) {
    const std::lock_guard lock(mutex_);
    f();
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, std::vector<IpAddress>> addresses_;
  std::set<std::string> slow_;
  int asked_ = 0;
};

// Keeps the last ServiceMap and lets a test wait for one that says what it wants.
class Delivered {
 public:
  ServiceResolver::Deliver deliver() {
    return [this](std::shared_ptr<const ServiceMap> map) {
      const std::lock_guard lock(mutex_);
      map_ = std::move(map);
      ++count_;
      changed_.notify_all();
    };
  }
  bool wait_name(std::string_view destination, std::uint16_t port, std::string_view name) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(
        lock, kLimit, [&] { return map_ && map_->name_of(address(destination), port) == name; });
  }
  std::string name(std::string_view destination, std::uint16_t port) {
    const std::lock_guard lock(mutex_);
    return std::string(map_->name_of(address(destination), port));
  }
  int count() {
    const std::lock_guard lock(mutex_);
    return count_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::shared_ptr<const ServiceMap> map_;
  int count_ = 0;
};

Service service(std::string name, std::string_view match) {
  return {std::move(name), {*parse_service_match(match)}};
}

bool eventually(const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + kLimit;
  while (std::chrono::steady_clock::now() < end) {
    if (condition()) return true;
    std::this_thread::yield();
  }
  return false;
}

}  // namespace

TEST_CASE("blocks are delivered at once, while a name still hangs", "[service_resolver]") {
  Names names;
  Delivered delivered;
  names.hang("db.example.com");
  ServiceResolver resolver(names.resolver(), delivered.deliver(), kNever, kQuiet);

  resolver.set_services({service("web", "10.1.0.0/16:443"), service("db", "db.example.com:5432")});

  CHECK(delivered.name("10.1.2.3", 443) == "web");
  CHECK(delivered.name("10.9.9.9", 5432).empty());
  names.set("db.example.com", {address("10.9.9.9"), address("2001:db8::9")});
  names.release("db.example.com");
  CHECK(delivered.wait_name("10.9.9.9", 5432, "db"));
  CHECK(delivered.name("2001:db8::9", 5432) == "db");
  CHECK(delivered.name("10.9.9.9", 80).empty());
}

TEST_CASE("names are resolved again and follow their addresses", "[service_resolver]") {
  Names names;
  Delivered delivered;
  names.set("db.example.com", {address("10.0.0.1")});
  ServiceResolver resolver(names.resolver(), delivered.deliver(), kOften, kQuiet);
  resolver.set_services({service("db", "db.example.com:5432")});
  REQUIRE(delivered.wait_name("10.0.0.1", 5432, "db"));

  names.set("db.example.com", {address("10.0.0.2")});

  CHECK(delivered.wait_name("10.0.0.2", 5432, "db"));
  CHECK(delivered.name("10.0.0.1", 5432).empty());
}

TEST_CASE("a name that fails keeps its addresses and is counted", "[service_resolver]") {
  Names names;
  Delivered delivered;
  names.set("db.example.com", {address("10.0.0.1")});
  ServiceResolver resolver(names.resolver(), delivered.deliver(), kOften, kQuiet);
  resolver.set_services({service("db", "db.example.com:5432")});
  REQUIRE(delivered.wait_name("10.0.0.1", 5432, "db"));
  CHECK(resolver.failures() == 0);

  names.lose("db.example.com");

  CHECK(eventually([&] { return resolver.failures() >= 3; }));
  CHECK(delivered.name("10.0.0.1", 5432) == "db");
}

TEST_CASE("equal answers in another order are delivered once", "[service_resolver]") {
  Names names;
  Delivered delivered;
  names.set("db.example.com", {address("10.0.0.1"), address("10.0.0.2")});
  ServiceResolver resolver(names.resolver(), delivered.deliver(), kOften, kQuiet);
  resolver.set_services({service("db", "db.example.com:5432")});
  REQUIRE(delivered.wait_name("10.0.0.2", 5432, "db"));
  const int before = delivered.count();

  names.set("db.example.com", {address("10.0.0.2"), address("10.0.0.1")});

  REQUIRE(names.wait_asked(20));
  CHECK(delivered.count() == before);
}

TEST_CASE("new services keep the addresses of names they share with the old",
          "[service_resolver]") {
  Names names;
  Delivered delivered;
  names.set("db.example.com", {address("10.0.0.1")});
  ServiceResolver resolver(names.resolver(), delivered.deliver(), kNever, kQuiet);
  resolver.set_services({service("db", "db.example.com:5432")});
  REQUIRE(delivered.wait_name("10.0.0.1", 5432, "db"));
  names.hang("db.example.com");

  resolver.set_services({service("orders", "db.example.com:5432")});
  CHECK(delivered.name("10.0.0.1", 5432) == "orders");

  resolver.set_services({});
  CHECK(delivered.name("10.0.0.1", 5432).empty());
  names.release("db.example.com");
}

TEST_CASE("a resolver that hangs neither holds up the end nor delivers after it",
          "[service_resolver]") {
  const auto names = std::make_shared<Names>();  // the hanging look-up outlives the resolver
  Delivered delivered;
  names->hang("db.example.com");
  names->set("db.example.com", {address("10.0.0.1")});
  std::mutex mutex;
  std::condition_variable changed;
  bool gone = false;
  const auto begin = std::chrono::steady_clock::now();
  {
    // Says when the abandoned thread has let go of what it shares.
    const std::shared_ptr<void> last(nullptr, [&](void*) {
      const std::lock_guard lock(mutex);
      gone = true;
      changed.notify_all();
    });
    ServiceResolver resolver([names, last, resolve = names->resolver()](
                                 const std::string& host) { return resolve(host); },
                             delivered.deliver(), kNever, kQuiet);
    resolver.set_services({service("db", "db.example.com:5432")});
    REQUIRE(names->wait_asked(1));
  }
  CHECK(std::chrono::steady_clock::now() - begin < kLimit);
  const int before = delivered.count();

  names->release("db.example.com");

  std::unique_lock lock(mutex);
  REQUIRE(changed.wait_for(lock, kLimit, [&] { return gone; }));
  CHECK(delivered.count() == before);
}

TEST_CASE("the system's resolver knows this host", "[service_resolver]") {
  const auto found = resolve_host("localhost");
  REQUIRE(found);
  REQUIRE_FALSE(found->empty());
  for (const IpAddress& each : *found) CHECK(each.is_loopback());
}

TEST_CASE("a name that does not exist is an error that names it", "[service_resolver]") {
  // RFC 6761: never resolves.
  const auto found = resolve_host("no-such-host.invalid");
  REQUIRE_FALSE(found);
  CHECK_THAT(found.error().what, Catch::Contains("getaddrinfo no-such-host.invalid: "));
}
