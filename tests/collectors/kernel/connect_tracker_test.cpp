#include "collectors/kernel/connect_tracker.h"

#include <sys/prctl.h>

#include <chrono>
#include <numeric>
#include <string_view>

#include "tests/collectors/kernel/netns_host.h"
#include "tests/collectors/kernel/netns_sockets.h"

using namespace socket_exporter;

namespace {

/// A tracker, and what it has seen of one namespace.
class Tracked {
 public:
  explicit Tracked(const Namespace& ns) : inode_(ns.inode()) {}

  ConnectCounts read() {
    auto counts = tracker_.read();
    REQUIRE(counts);
    return std::move(*counts);
  }
  std::vector<ConnectRecord> records() {
    std::vector<ConnectRecord> ours;
    for (ConnectRecord& record : read().connects) {
      if (record.key.netns.inode != inode_ || record.key.is_rest) continue;
      ours.push_back(std::move(record));
    }
    return ours;
  }
  ConnectRecord record() {
    const auto ours = records();
    REQUIRE(ours.size() == 1);
    return ours.front();
  }
  std::uint64_t sum(sx_connect_counter counter) {
    std::uint64_t sum = 0;
    for (const ConnectRecord& record : records()) sum += record.counters[counter];
    return sum;
  }
  /// The kernel may finish with a packet after the call that caused it.
  bool reaches(sx_connect_counter counter, std::uint64_t expected) {
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (std::chrono::steady_clock::now() < limit) {
      if (sum(counter) == expected) return true;
    }
    UNSCOPED_INFO("counter " << counter << " is " << sum(counter));
    return false;
  }
  ConnectTracker& tracker() { return tracker_; }

 private:
  static ConnectTracker started() {
    auto started = ConnectTracker::start("/proc", true);
    REQUIRE(started);
    return std::move(*started);
  }

  std::uint32_t inode_;
  ConnectTracker tracker_ = started();
};

std::uint64_t failures(const ConnectRecord& record) {
  return std::accumulate(record.counters.begin() + SX_FAILED_NO_PORT,
                         record.counters.begin() + SX_FAILED_OTHER + 1, std::uint64_t{0});
}

std::uint64_t times(const TimeCounters& times) {
  return std::accumulate(times.begin() + 1, times.end(), std::uint64_t{0});
}

const ConnectTimes& times_to(const ConnectCounts& counts, std::uint16_t port) {
  const auto found =
      std::find_if(counts.times.begin(), counts.times.end(),
                   [&](const ConnectTimes& each) { return each.destination.port == port; });
  REQUIRE(found != counts.times.end());
  return *found;
}

void reset_at_close(const Fd& socket) {
  const linger now{1, 0};
  REQUIRE(setsockopt(socket.number(), SOL_SOCKET, SO_LINGER, &now, sizeof now) == 0);
}

int errno_of_connect(Endpoint to, int flags = 0) {
  const Fd client(socket(to.storage.ss_family, SOCK_STREAM | flags, 0));
  return connect(client.number(), to.name(), to.length) == 0 ? 0 : errno;
}

Endpoint unused_port(const char* address) {
  return address_of(bound_socket(address));
}

}  // namespace

TEST_CASE("a connection is counted by who opened it to where") {
  const Namespace ns;
  Tracked tracked(ns);
  const char* const address = GENERATE("127.0.0.1", "::1");
  Server server(address);
  prctl(PR_SET_NAME, "opener");
  const Connection connection = server.connection();

  const ConnectRecord record = tracked.record();
  CHECK(record.key.comm == "opener");
  CHECK(record.key.destination == *parse_address(address));
  CHECK(record.key.port == port_of(server.address()));
  CHECK(record.key.cgroup != 0);
  CHECK_FALSE(record.key.is_rest);
  CHECK(record.pid == static_cast<std::uint32_t>(getpid()));
  CHECK(record.counters[SX_ATTEMPTS] == 1);
  CHECK(failures(record) == 0);
  const ConnectTimes times_of_it = times_to(tracked.read(), record.key.port);
  CHECK(times(times_of_it.times[SX_CONNECTING]) == 1);
  CHECK(times_of_it.times[SX_CONNECTING].front() > 0);
  CHECK(times(times_of_it.times[SX_ESTABLISHED]) == 0);
}

TEST_CASE("a v4-mapped destination is the IPv4 one") {
  const Namespace ns;
  Tracked tracked(ns);
  Server server("127.0.0.1");
  const Connection connection = server.connection_by("::ffff:127.0.0.1");
  CHECK(tracked.record().key.destination == *parse_address("127.0.0.1"));
}

TEST_CASE("namespaces are known by their cookies") {
  const Namespace ns;
  Tracked tracked(ns);
  CHECK(errno_of_connect(unused_port("127.0.0.1")) == ECONNREFUSED);
  const Fd any(socket(AF_INET, SOCK_DGRAM, 0));
  std::uint64_t cookie = 0;
  socklen_t size = sizeof cookie;
  REQUIRE(getsockopt(any.number(), SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size) == 0);
  CHECK(tracked.record().key.netns == NetnsId{cookie, ns.inode()});
}

TEST_CASE("the kind of a close is who left first, or what broke the connection") {
  const Namespace ns;
  Tracked tracked(ns);
  Server server(GENERATE("127.0.0.1", "::1"));
  {
    Connection active = server.connection();
    active.client = Fd();
    CHECK(tracked.reaches(SX_CLOSED_ACTIVE, 1));
  }
  CHECK(tracked.reaches(SX_TIME_WAIT, 1));
  {
    Connection passive = server.connection();
    passive.server = Fd();
    CHECK(tracked.reaches(SX_CLOSED_PASSIVE, 1));
  }
  Connection reset = server.connection();
  reset_at_close(reset.server);
  reset.server = Fd();
  CHECK(tracked.reaches(SX_CLOSED_RESET, 1));
  Connection aborted = server.connection();
  reset_at_close(aborted.client);
  aborted.client = Fd();
  CHECK(tracked.reaches(SX_CLOSED_ABORTED, 1));

  const ConnectRecord record = tracked.record();
  CHECK(record.counters[SX_ATTEMPTS] == 4);
  CHECK(record.counters[SX_SHORT_LIVED] == 4);
  CHECK(record.counters[SX_TIME_WAIT] == 1);
  const ConnectTimes times_of_it = times_to(tracked.read(), record.key.port);
  CHECK(times(times_of_it.times[SX_CONNECTING]) == 4);
  CHECK(times(times_of_it.times[SX_ESTABLISHED]) == 4);
  CHECK(times(times_of_it.times[SX_CLOSE_WAIT]) == 1);
}

TEST_CASE("a search that finds no port is counted as often as the client is told") {
  const Namespace ns;
  Tracked tracked(ns);
  const char* const address = GENERATE("127.0.0.1", "::1");
  const int flags = GENERATE(0, SOCK_NONBLOCK);
  Server server(address);
  Server other(address);
  write_sysctl("ip_local_port_range", "40000 40063");
  std::vector<Fd> open;
  std::uint64_t refused = 0;
  for (int i = 0; i < 200; ++i) {
    Endpoint to = server.address();
    open.emplace_back(socket(to.storage.ss_family, SOCK_STREAM | flags, 0));
    if (connect(open.back().number(), to.name(), to.length) == 0 || errno == EINPROGRESS) continue;
    REQUIRE(errno == EADDRNOTAVAIL);
    ++refused;
  }
  const Connection elsewhere = other.connection();

  CHECK(refused > 100);
  CHECK(tracked.sum(SX_FAILED_NO_PORT) == refused);
  CHECK(tracked.sum(SX_ATTEMPTS) == 201);
  for (const ConnectRecord& record : tracked.records()) {
    CHECK(failures(record) == record.counters[SX_FAILED_NO_PORT]);
  }
  const auto searches = tracked.read().searches;
  const auto ours = std::find_if(searches.begin(), searches.end(),
                                 [&](const auto& s) { return s.netns.inode == ns.inode(); });
  REQUIRE(ours != searches.end());
  CHECK(times(ours->times) == refused);
}

TEST_CASE("each failure has its reason") {
  const Namespace ns;
  Tracked tracked(ns);
  const std::string_view address = GENERATE("127.0.0.1", "::1");
  SECTION("nobody listens") {
    CHECK(errno_of_connect(unused_port(address.data())) == ECONNREFUSED);
    CHECK(tracked.sum(SX_FAILED_REFUSED) == 1);
  }
  SECTION("the caller gives up") {
    Server full(address.data(), 0);
    const Fd waits = connect_to(full.address());
    Fd unanswered = connect_to(full.address(), SOCK_NONBLOCK);
    unanswered = Fd();
    CHECK(tracked.sum(SX_FAILED_ABORTED) == 1);
  }
  SECTION("its own port has such a connection already") {
    Server server(address.data());
    const Connection first = server.connection();
    Endpoint own = address_of(first.client);
    const Fd second(socket(own.storage.ss_family, SOCK_STREAM, 0));
    const int on = 1;
    for (const Fd* each : {&first.client, &second}) {
      REQUIRE(setsockopt(each->number(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0);
    }
    REQUIRE(bind(second.number(), own.name(), own.length) == 0);
    Endpoint to = server.address();
    REQUIRE(connect(second.number(), to.name(), to.length) != 0);
    CHECK(errno == EADDRNOTAVAIL);
    CHECK(tracked.sum(SX_FAILED_OTHER) == 1);
  }
  SECTION("a socket that was used before finds no port") {
    Server server(address.data());
    Endpoint nobody = unused_port(address.data());
    const Fd client(socket(nobody.storage.ss_family, SOCK_STREAM, 0));
    REQUIRE(connect(client.number(), nobody.name(), nobody.length) != 0);
    write_sysctl("ip_local_port_range", "30000 30001");
    std::vector<Fd> all;
    for (int i = 0; i < 2; ++i) all.push_back(bound_socket(address.data()));
    Endpoint to = server.address();
    REQUIRE(connect(client.number(), to.name(), to.length) != 0);
    CHECK(errno == EADDRNOTAVAIL);
    CHECK(tracked.sum(SX_FAILED_NO_PORT) == 1);
  }
  for (const ConnectRecord& record : tracked.records()) CHECK(failures(record) <= 1);
}

TEST_CASE("a socket that connects to itself is an attempt that succeeds") {
  const Namespace ns;
  Tracked tracked(ns);
  {
    const Fd self = bound_socket(GENERATE("127.0.0.1", "::1"));
    Endpoint own = address_of(self);
    REQUIRE(connect(self.number(), own.name(), own.length) == 0);
  }
  const ConnectRecord record = tracked.record();
  CHECK(record.counters[SX_ATTEMPTS] == 1);
  CHECK(failures(record) == 0);
  CHECK(tracked.reaches(SX_CLOSED_ACTIVE, 1));
}

TEST_CASE("connections from before the tracker count apart") {
  const Namespace ns;
  Server server("127.0.0.1");
  Connection old = server.connection();
  Tracked tracked(ns);
  const std::uint64_t before = tracked.read().older_closed;
  const Connection young = server.connection();
  old.client = Fd();
  old.server = Fd();

  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (tracked.read().older_closed < before + 2) {
    REQUIRE(std::chrono::steady_clock::now() < limit);
  }
  const ConnectRecord record = tracked.record();
  CHECK(record.counters[SX_ATTEMPTS] == 1);
  CHECK(record.counters[SX_CLOSED_ACTIVE] == 0);
}

TEST_CASE("a forgotten key is returned with its last counts, and begins anew") {
  const Namespace ns;
  Tracked tracked(ns);
  Server server("127.0.0.1");
  for (int i = 0; i < 3; ++i) server.connection();
  const ConnectKey key = tracked.record().key;

  const IdleConnects idle{{key}, {{key.destination, key.port}}};
  const auto last = tracked.tracker().forget(idle);
  REQUIRE(last.connects.size() == 1);
  CHECK(last.connects.front().key == key);
  CHECK(last.connects.front().counters[SX_ATTEMPTS] == 3);
  CHECK(times(times_to(last, key.port).times[SX_CONNECTING]) == 3);
  CHECK(tracked.records().empty());
  CHECK(tracked.tracker().forget(idle).connects.empty());
  CHECK(tracked.tracker().forget(idle).times.empty());

  const Connection another = server.connection();
  CHECK(tracked.record().counters[SX_ATTEMPTS] == 1);
  CHECK(times(times_to(tracked.read(), key.port).times[SX_CONNECTING]) == 1);
}

TEST_CASE("a key that was forgotten during a connection comes back with its process") {
  const Namespace ns;
  Tracked tracked(ns);
  Server server("127.0.0.1");
  Connection connection = server.connection();
  const ConnectRecord before = tracked.record();
  REQUIRE(tracked.tracker().forget({{before.key}, {}}).connects.size() == 1);
  REQUIRE(tracked.records().empty());

  connection.client = Fd();
  REQUIRE(tracked.reaches(SX_CLOSED_ACTIVE, 1));
  CHECK(tracked.record().key == before.key);
  CHECK(tracked.record().pid == static_cast<std::uint32_t>(getpid()));
}

TEST_CASE("a full table of keys keeps the sums of a namespace exact") {
  const Namespace ns;
  Tracked tracked(ns);
  const std::uint32_t attempts = SX_CONNECT_KEYS + 1000;
  for (std::uint32_t i = 0; i < attempts; ++i) {
    Endpoint to("127.0.0.1");
    auto* const v4 = reinterpret_cast<sockaddr_in*>(&to.storage);
    v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK + i);
    v4->sin_port = htons(1);
    REQUIRE(errno_of_connect(to) == ECONNREFUSED);
  }
  const auto all = tracked.read().connects;
  CHECK(all.size() == SX_CONNECT_KEYS);
  ConnectCounters sums{};
  std::uint64_t rest = 0;
  for (const ConnectRecord& record : all) {
    if (record.key.netns.inode != ns.inode()) continue;
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += record.counters[i];
    if (record.key.is_rest) rest += record.counters[SX_ATTEMPTS];
  }
  CHECK(rest >= 1000);
  CHECK(sums[SX_ATTEMPTS] == attempts);
  CHECK(sums[SX_FAILED_REFUSED] == attempts);
}

TEST_CASE("without the privilege there is no tracker, and it says why") {
  const WithoutBpf without;
  const auto started = ConnectTracker::start("/proc", true);
  REQUIRE_FALSE(started);
  CHECK(started.error().kind == Error::Kind::denied);
}
