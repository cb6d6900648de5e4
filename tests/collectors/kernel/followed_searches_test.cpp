#include "collectors/kernel/followed_searches.h"

#include <filesystem>
#include <numeric>

#include "collectors/kernel/connect_tracker.h"
#include "tests/collectors/kernel/netns_host.h"
#include "tests/collectors/kernel/netns_sockets.h"

using namespace socket_exporter;

namespace {

/// Searches, followed as LinuxKernel does it.
class Tracked {
 public:
  bool has_all() const { return searches_.feature().on; }

  ConnectCounts read() {
    auto counts = connects_.read();
    REQUIRE(counts);
    REQUIRE(searches_.read_into(*counts));
    CHECK(counts->missed_searches.value_or(0) == 0);
    CHECK(counts->missed_searches.has_value() == has_all());
    return std::move(*counts);
  }

  /// How many of a namespace there were.
  std::uint64_t number(NetnsId netns) {
    std::uint64_t sum = 0;
    for (const PortSearches& each : read().searches) {
      if (each.netns != netns) continue;
      sum += std::accumulate(each.times.begin() + 1, each.times.end(), std::uint64_t{0});
      CHECK(each.times.front() > 0);
    }
    return sum;
  }

 private:
  static ConnectTracker started() {
    auto started = ConnectTracker::start();
    REQUIRE(started);
    return std::move(*started);
  }

  ConnectTracker connects_ = started();
  FollowedSearches searches_;
};

NetnsId id_of(const Namespace& ns) {
  const Fd any(socket(AF_INET, SOCK_DGRAM, 0));
  NetnsId id{0, ns.inode()};
  socklen_t size = sizeof id.cookie;
  REQUIRE(getsockopt(any.number(), SOL_SOCKET, SO_NETNS_COOKIE, &id.cookie, &size) == 0);
  return id;
}

}  // namespace

TEST_CASE("each search counts once where functions are followed, else each in vain") {
  const Namespace ns;
  Tracked tracked;
  const char* const address = GENERATE("127.0.0.1", "::1");
  const int flags = GENERATE(0, SOCK_NONBLOCK);
  const Server server(address);
  write_sysctl("ip_local_port_range", "40000 40063");
  std::vector<Fd> open;
  std::uint64_t refused = 0;
  for (int i = 0; i < 100; ++i) {
    Endpoint to = server.address();
    open.emplace_back(socket(to.storage.ss_family, SOCK_STREAM | flags, 0));
    if (connect(open.back().number(), to.name(), to.length) == 0 || errno == EINPROGRESS) continue;
    REQUIRE(errno == EADDRNOTAVAIL);
    ++refused;
  }
  CHECK(refused == 36);
  CHECK(tracked.number(id_of(ns)) == (tracked.has_all() ? 100 : refused));
}

TEST_CASE("a socket that has its port is at no search, nor is one of UDP") {
  const Namespace ns;
  Tracked tracked;
  const Server server("127.0.0.1");
  Endpoint to = server.address();
  const Fd bound = bound_socket("127.0.0.1");
  const Fd udp(socket(AF_INET, SOCK_DGRAM, 0));
  for (const Fd* client : {&bound, &udp}) {
    CHECK(connect(client->number(), to.name(), to.length) == 0);
  }
  CHECK(tracked.number(id_of(ns)) == 0);
}

TEST_CASE("where not all searches are followed it says why and what there is instead") {
  const FollowedSearches here;
  const WithoutBpf without;
  const FollowedSearches denied;
  for (const Feature& feature : {here.feature(), denied.feature()}) {
    CHECK(feature.name == "port_search_tracking");
    CHECK_THAT(feature.reason, Catch::Contains("fexit"));
    if (!feature.on) CHECK_THAT(feature.reason, Catch::EndsWith("timing searches in vain only"));
  }
  CHECK_FALSE(denied.feature().on);
  CHECK_THAT(denied.feature().reason, Catch::Contains("CAP_BPF"));
}

TEST_CASE("searches are followed as often as one likes, and nothing is left behind") {
  const auto open_files = [] {
    const std::filesystem::directory_iterator files("/proc/self/fd");
    return std::distance(begin(files), end(files));
  };
  const auto before = open_files();
  const bool on = FollowedSearches().feature().on;
  for (int i = 0; i < 20; ++i) CHECK(FollowedSearches().feature().on == on);
  CHECK(open_files() == before);
}
