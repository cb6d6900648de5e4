#include "collectors/kernel/bind_tracker.h"

#include <sys/prctl.h>

#include "tests/collectors/kernel/netns_host.h"
#include "tests/collectors/kernel/netns_sockets.h"

using namespace socket_exporter;

namespace {

/// A tracker, and what it has seen of one namespace.
class Tracked {
 public:
  Tracked(const Namespace& ns, BindWay way) : inode_(ns.inode()), tracker_(started(way)) {}

  std::vector<BindRecord> all() {
    auto counts = tracker_.read();
    REQUIRE(counts);
    CHECK(counts->missed == 0);
    return std::move(counts->records);
  }
  std::vector<BindRecord> ours() {
    auto records = all();
    std::erase_if(records, [&](const BindRecord& r) { return r.key.netns.inode != inode_; });
    return records;
  }
  /// The only one.
  BindRecord record() {
    const auto records = ours();
    REQUIRE(records.size() == 1);
    return records.front();
  }
  BindTracker& tracker() { return tracker_; }

 private:
  static BindTracker started(BindWay way) {
    auto started = BindTracker::start(way);
    REQUIRE(started);
    return std::move(*started);
  }

  std::uint32_t inode_;
  BindTracker tracker_;
};

/// Those that this host has; one by one.
BindWay each_way() {
  std::vector<BindWay> ways{BindWay::system_calls};
  if (BindTracker::start(BindWay::functions)) ways.push_back(BindWay::functions);
  return GENERATE_COPY(from_range(ways));
}

int errno_of_bind(Endpoint to, int type) {
  const Fd any(socket(to.storage.ss_family, type, 0));
  return bind(any.number(), to.name(), to.length) == 0 ? 0 : errno;
}

Endpoint with_port(const char* address, std::uint16_t port) {
  Endpoint to(address);
  reinterpret_cast<sockaddr_in*>(&to.storage)->sin_port = htons(port);
  return to;
}

/// Takes all ports of a small range.
std::vector<Fd> take_all_ports(const char* address, int type) {
  write_sysctl("ip_local_port_range", "40000 40063");
  std::vector<Fd> all;
  for (int i = 0; i < 64; ++i) all.push_back(bound_socket(address, type));
  return all;
}

/// As long as it lives, this thread is an ordinary user's where ports are concerned.
class WithoutLowPorts {
 public:
  WithoutLowPorts() {
    REQUIRE(syscall(SYS_capget, &header_, before_) == 0);
    __user_cap_data_struct less[] = {before_[0], before_[1]};
    less[0].effective &= ~(1U << CAP_NET_BIND_SERVICE);
    REQUIRE(syscall(SYS_capset, &header_, less) == 0);
  }
  WithoutLowPorts(const WithoutLowPorts&) = delete;
  WithoutLowPorts& operator=(const WithoutLowPorts&) = delete;
  ~WithoutLowPorts() { syscall(SYS_capset, &header_, before_); }

 private:
  __user_cap_header_struct header_{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct before_[2]{};
};

}  // namespace

TEST_CASE("each bind() that fails counts once, by its reason") {
  const Namespace ns;
  Tracked tracked(ns, each_way());
  const char* const address = GENERATE("127.0.0.1", "::1");
  const int type = GENERATE(SOCK_STREAM, SOCK_DGRAM);
  prctl(PR_SET_NAME, "binder");
  BindCounters expected{};

  SECTION("the port is taken") {
    const Fd first = bound_socket(address, type);
    for (int i = 0; i < 5; ++i) CHECK(errno_of_bind(address_of(first), type) == EADDRINUSE);
    expected[SX_BIND_IN_USE] = 5;
  }
  SECTION("no port is left") {
    const auto taken = take_all_ports(address, type);
    for (int i = 0; i < 5; ++i) CHECK(errno_of_bind(Endpoint(address), type) == EADDRINUSE);
    expected[SX_BIND_NO_PORT] = 5;
  }
  SECTION("the address is another host's") {
    const bool is_v4 = std::string_view(address) == "127.0.0.1";
    CHECK(errno_of_bind(Endpoint(is_v4 ? "192.0.2.1" : "2001:db8::1"), type) == EADDRNOTAVAIL);
    expected[SX_BIND_NOT_AVAILABLE] = 1;
  }
  SECTION("the port is for the privileged") {
    const WithoutLowPorts without;
    for (int i = 0; i < 3; ++i) CHECK(errno_of_bind(with_port(address, 80), type) == EACCES);
    expected[SX_BIND_DENIED] = 3;
  }
  SECTION("the socket has a port") {
    const Fd bound = bound_socket(address, type);
    Endpoint to(address);
    CHECK(bind(bound.number(), to.name(), to.length) != 0);
    expected[SX_BIND_OTHER] = 1;
  }
  const BindRecord record = tracked.record();
  CHECK(record.counters == expected);
  CHECK(record.key.comm == "binder");
  CHECK(record.key.protocol == (type == SOCK_STREAM ? Protocol::tcp : Protocol::udp));
  CHECK_FALSE(record.key.is_rest);
}

TEST_CASE("connect() of a UDP socket that finds no port counts") {
  const Namespace ns;
  Tracked tracked(ns, each_way());
  const char* const address = GENERATE("127.0.0.1", "::1");
  const auto taken = take_all_ports(address, SOCK_DGRAM);
  Endpoint to = address_of(taken.front());
  for (int i = 0; i < 5; ++i) {
    const Fd client(socket(to.storage.ss_family, SOCK_DGRAM, 0));
    REQUIRE(connect(client.number(), to.name(), to.length) != 0);
    CHECK(errno == EAGAIN);
  }
  const BindRecord record = tracked.record();
  CHECK(record.key.protocol == Protocol::udp);
  CHECK(record.counters == BindCounters{0, 5, 0, 0, 0});
}

TEST_CASE("what succeeds, fails before the socket, or is no TCP or UDP does not count") {
  const Namespace ns;
  Tracked tracked(ns, each_way());
  for (const int type : {SOCK_STREAM, SOCK_DGRAM}) CHECK(bound_socket("127.0.0.1", type));
  Endpoint to("127.0.0.1");
  for (const int fd : {-1, 1 << 20, STDIN_FILENO}) CHECK(bind(fd, to.name(), to.length) != 0);
  CHECK(errno_of_bind(with_port("127.0.0.1", 80), SOCK_STREAM) == 0);
  const Fd local(socket(AF_UNIX, SOCK_STREAM, 0));
  CHECK(bind(local.number(), to.name(), to.length) != 0);
  CHECK(connect_to(address_of(bound_socket("127.0.0.1")), SOCK_NONBLOCK));
  CHECK(tracked.ours().empty());
}

TEST_CASE("sendto() and listen() that find no port count where functions are followed") {
  const Namespace ns;
  const BindWay way = each_way();
  Tracked tracked(ns, way);
  const char* const address = GENERATE("127.0.0.1", "::1");
  const int type = GENERATE(SOCK_STREAM, SOCK_DGRAM);
  const auto taken = take_all_ports(type == SOCK_STREAM ? "::" : address, type);
  for (int i = 0; i < 3; ++i) {
    Endpoint to = address_of(taken.front());
    const Fd any(socket(to.storage.ss_family, type, 0));
    if (type == SOCK_STREAM) {
      CHECK(listen(any.number(), 1) != 0);
    } else {
      CHECK(sendto(any.number(), "", 0, 0, to.name(), to.length) != 0);
    }
  }
  if (way == BindWay::system_calls) {
    CHECK(tracked.ours().empty());
  } else {
    CHECK(tracked.record().counters == BindCounters{0, 3, 0, 0, 0});
  }
}

TEST_CASE("a namespace with a failing bind() is known by its cookie") {
  const Namespace ns;
  Tracked tracked(ns, each_way());
  const Fd first = bound_socket("127.0.0.1");
  CHECK(errno_of_bind(address_of(first), SOCK_STREAM) == EADDRINUSE);
  std::uint64_t cookie = 0;
  socklen_t size = sizeof cookie;
  REQUIRE(getsockopt(first.number(), SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size) == 0);
  CHECK(tracked.record().key.netns == NetnsId{cookie, ns.inode()});
}

TEST_CASE("a key of bind() that is forgotten is returned with its last counts, and begins anew") {
  const Namespace ns;
  Tracked tracked(ns, each_way());
  const Fd first = bound_socket("127.0.0.1", SOCK_DGRAM);
  CHECK(errno_of_bind(address_of(first), SOCK_DGRAM) == EADDRINUSE);
  const BindKey key = tracked.record().key;

  const auto last = tracked.tracker().forget(std::vector{key});
  REQUIRE(last.size() == 1);
  CHECK(last.front().key == key);
  CHECK(last.front().counters[SX_BIND_IN_USE] == 1);
  CHECK(tracked.ours().empty());
  CHECK(errno_of_bind(address_of(first), SOCK_DGRAM) == EADDRINUSE);
  CHECK(tracked.record().counters[SX_BIND_IN_USE] == 1);
}

TEST_CASE("a full table of binds keeps sums exact") {
  const Namespace ns;
  Tracked tracked(ns, each_way());
  const Fd first = bound_socket("127.0.0.1");
  constexpr int kFailures = SX_BIND_KEYS + 500;
  for (int i = 0; i < kFailures; ++i) {
    prctl(PR_SET_NAME, std::to_string(i).c_str());
    REQUIRE(errno_of_bind(address_of(first), SOCK_STREAM) == EADDRINUSE);
  }
  const auto all = tracked.all();
  CHECK(all.size() == SX_BIND_KEYS);
  std::uint64_t sum = 0;
  std::uint64_t rest = 0;
  for (const BindRecord& record : all) {
    if (record.key.is_rest) rest = record.counters[SX_BIND_IN_USE];
    if (record.key.netns.inode == ns.inode()) sum += record.counters[SX_BIND_IN_USE];
  }
  CHECK(rest >= 500);
  CHECK(sum + rest >= kFailures);
}

TEST_CASE("binds are followed as often as one likes, and nothing is left behind") {
  const auto open_files = [] {
    const std::filesystem::directory_iterator files("/proc/self/fd");
    return std::distance(begin(files), end(files));
  };
  const BindWay way = each_way();
  const auto before = open_files();
  for (int i = 0; i < 20; ++i) CHECK(BindTracker::start(way));
  CHECK(open_files() == before);
}

TEST_CASE("without the privilege binds are not followed, and it says why") {
  const WithoutBpf without;
  const auto started = BindTracker::start(GENERATE(BindWay::functions, BindWay::system_calls));
  REQUIRE_FALSE(started);
  CHECK(started.error().kind == Error::Kind::denied);
}
