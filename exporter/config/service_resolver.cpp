#include "exporter/config/service_resolver.h"

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>

namespace socket_exporter {
namespace {

// How long the destructor gives a look-up before it leaves the thread to end by itself.
constexpr std::chrono::milliseconds kPatience{200};

IpAddress address_of(const addrinfo& info) {
  if (info.ai_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, info.ai_addr, sizeof v4);
    return ipv4_address(v4.sin_addr.s_addr);
  }
  sockaddr_in6 v6{};
  std::memcpy(&v6, info.ai_addr, sizeof v6);
  return ipv6_address(&v6.sin6_addr);
}

}  // namespace

Result<std::vector<IpAddress>> resolve_host(const std::string& host) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;  // otherwise every address comes once per socket type
  addrinfo* found = nullptr;
  const int code = ::getaddrinfo(host.c_str(), nullptr, &hints, &found);
  if (code != 0) {
    const auto kind = code == EAI_AGAIN ? Error::Kind::timeout : Error::Kind::io;
    return Error{kind, fmt::format("getaddrinfo {}: {}", host, ::gai_strerror(code))};
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, ::freeaddrinfo);
  std::vector<IpAddress> addresses;
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    if (each->ai_family == AF_INET || each->ai_family == AF_INET6) {
      addresses.push_back(address_of(*each));
    }
  }
  return addresses;
}

struct ServiceResolver::State {
  State(Resolve resolve_with, Deliver deliver_to, std::chrono::milliseconds refresh_every,
        const Logger& log_to)
      : resolve(std::move(resolve_with)),
        deliver(std::move(deliver_to)),
        refresh(refresh_every),
        logger(log_to) {}

  struct Host {
    std::vector<IpAddress> addresses;  // sorted, so that a new order is no change
    std::string error;                 // of the last look-up; empty when it worked
    bool resolved = false;
  };

  void run();
  void look_up(std::unique_lock<std::mutex>& lock, const std::string& name);
  void note(const std::string& name, Host& host, Result<std::vector<IpAddress>> found);
  std::shared_ptr<const ServiceMap> map() const;

  const Resolve resolve;
  const Deliver deliver;
  const std::chrono::milliseconds refresh;
  const Logger logger;

  std::mutex mutex;
  std::condition_variable changed;
  // All below: guarded by mutex.
  std::vector<Service> services;
  std::map<std::string, Host, std::less<>> hosts;
  std::uint64_t failures = 0;
  std::uint64_t generation = 0;  // of `services`
  bool stopping = false;
  bool ended = false;  // the thread touches nothing any more
};

std::shared_ptr<const ServiceMap> ServiceResolver::State::map() const {
  std::vector<ServiceMap::Rule> rules;
  for (const Service& service : services) {
    for (const ServiceMatch& match : service.match) {
      if (match.block) {
        rules.push_back({*match.block, match.port, service.name});
        continue;
      }
      const auto host = hosts.find(match.host);
      if (host == hosts.end()) continue;
      for (const IpAddress& address : host->second.addresses) {
        rules.push_back({Cidr{address, 128}, match.port, service.name});
      }
    }
  }
  return std::make_shared<const ServiceMap>(std::move(rules));
}

void ServiceResolver::State::note(const std::string& name, Host& host,
                                  Result<std::vector<IpAddress>> found) {
  if (!found) {
    ++failures;
    if (host.error != found.error().what) {
      host.error = found.error().what;
      logger.warn("cannot resolve a service's host name",
                  {{"host", name},
                   {"err", host.error},
                   {"addresses_kept", fmt::format("{}", host.addresses.size())}});
    }
    return;
  }
  std::sort(found->begin(), found->end());
  found->erase(std::unique(found->begin(), found->end()), found->end());
  const bool is_news = !host.resolved || !host.error.empty() || host.addresses != *found;
  host.error.clear();
  host.resolved = true;
  if (!is_news) return;
  host.addresses = std::move(*found);
  logger.debug("resolved a service's host name",
               {{"host", name}, {"addresses", fmt::format("{}", host.addresses.size())}});
  deliver(map());
}

// The lock is given up while the resolver works.
void ServiceResolver::State::look_up(std::unique_lock<std::mutex>& lock, const std::string& name) {
  lock.unlock();
  auto found = resolve(name);
  lock.lock();
  const auto host = hosts.find(name);
  if (!stopping && host != hosts.end()) note(name, host->second, std::move(found));
}

void ServiceResolver::State::run() {
  std::unique_lock lock(mutex);
  while (!stopping) {
    const std::uint64_t seen = generation;
    std::vector<std::string> names;
    for (const auto& [name, host] : hosts) names.push_back(name);
    for (const std::string& name : names) {
      if (stopping || generation != seen) break;
      look_up(lock, name);
    }
    changed.wait_for(lock, refresh, [&] { return stopping || generation != seen; });
  }
  ended = true;
  changed.notify_all();
}

ServiceResolver::ServiceResolver(Resolve resolve, Deliver deliver,
                                 std::chrono::milliseconds refresh, const Logger& logger)
    : state_(std::make_shared<State>(std::move(resolve), std::move(deliver), refresh, logger)),
      worker_([state = state_] { state->run(); }) {}

ServiceResolver::~ServiceResolver() {
  bool ended = false;
  {
    std::unique_lock lock(state_->mutex);
    state_->stopping = true;
    state_->changed.notify_all();
    ended = state_->changed.wait_for(lock, kPatience, [&] { return state_->ended; });
  }
  // getaddrinfo cannot be interrupted. A thread that hangs in it shares the state, delivers
  // nothing and ends when it returns, or with the process.
  if (ended) {
    worker_.join();
  } else {
    worker_.detach();
  }
}

void ServiceResolver::set_services(std::vector<Service> services) {
  const std::lock_guard lock(state_->mutex);
  std::map<std::string, State::Host, std::less<>> hosts;
  for (const Service& service : services) {
    for (const ServiceMatch& match : service.match) {
      if (match.block) continue;
      const auto known = state_->hosts.find(match.host);
      hosts[match.host] = known == state_->hosts.end() ? State::Host{} : known->second;
    }
  }
  state_->services = std::move(services);
  state_->hosts = std::move(hosts);
  ++state_->generation;
  state_->deliver(state_->map());
  state_->changed.notify_all();
}

std::uint64_t ServiceResolver::failures() const {
  const std::lock_guard lock(state_->mutex);
  return state_->failures;
}

}  // namespace socket_exporter
