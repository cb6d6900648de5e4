#include "collectors/kernel/websocket_tracker.h"

#include <cstring>
#include <numeric>

#include "collectors/kernel/cgroup_root.h"
#include "tests/collectors/kernel/netns_host.h"
#include "tests/collectors/kernel/netns_sockets.h"

using namespace socket_exporter;

namespace {

WebsocketPorts only(const Server& server) {
  WebsocketPorts ports;
  ports.server.push_back(port_of(server.address()));
  return ports;
}

// Also those of clients: both ends of a connection over loopback count.
WebsocketPorts all_ports() {
  WebsocketPorts ports;
  ports.server.resize(65535);
  std::iota(ports.server.begin(), ports.server.end(), std::uint16_t{1});
  return ports;
}

Fd cgroup_root() {
  auto root = open_root_cgroup("/proc");
  REQUIRE(root);
  return std::move(*root);
}

WebsocketTracker started(WebsocketPorts ports) {
  auto started = WebsocketTracker::start(cgroup_root(), std::move(ports));
  REQUIRE(started);
  return std::move(*started);
}

std::uint64_t requests_missed(const WebsocketRecord& record) {
  sx_websocket_counts counts;
  std::memcpy(&counts, record.counters.data(), sizeof counts);
  return counts.errors[SX_NO_REQUEST];
}

std::vector<WebsocketRecord> records_of(WebsocketTracker& tracker, const Namespace& ns) {
  auto counts = tracker.read();
  REQUIRE(counts);
  std::erase_if(counts->records,
                [&](const WebsocketRecord& r) { return r.key.netns.inode != ns.inode(); });
  return std::move(counts->records);
}

/// A connection of the server that ends before a request.
void connect_in_vain(Server& server) {
  Connection connection = server.connection();
  connection.server = Fd();
  connection.client = Fd();
}

}  // namespace

TEST_CASE("a WebSocket key is the namespace by its cookie, the cgroup and the server's port") {
  const Namespace ns;
  Server server("127.0.0.1");
  WebsocketTracker tracker = started(only(server));
  connect_in_vain(server);
  const auto records = records_of(tracker, ns);
  REQUIRE(records.size() == 1);
  std::uint64_t cookie = 0;
  socklen_t size = sizeof cookie;
  const Fd any(socket(AF_INET, SOCK_DGRAM, 0));
  REQUIRE(getsockopt(any.number(), SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size) == 0);
  CHECK(records.front().key.netns == NetnsId{cookie, ns.inode()});
  CHECK(records.front().key.port == port_of(server.address()));
  CHECK(records.front().key.cgroup != 0);
  CHECK(requests_missed(records.front()) == 1);
}

TEST_CASE("a WebSocket key that is forgotten is returned with its last counts, and begins anew") {
  const Namespace ns;
  Server server("127.0.0.1");
  WebsocketTracker tracker = started(only(server));
  for (int i = 0; i < 3; ++i) connect_in_vain(server);
  const WebsocketKey key = records_of(tracker, ns).front().key;
  const auto last = tracker.forget(std::vector{key});
  REQUIRE(last.size() == 1);
  CHECK(last.front().key == key);
  CHECK(requests_missed(last.front()) == 3);
  CHECK(records_of(tracker, ns).empty());
  connect_in_vain(server);
  CHECK(requests_missed(records_of(tracker, ns).front()) == 1);
}

TEST_CASE("a full table of WebSocket keys keeps sums exact, and has room for what comes later") {
  const Namespace ns;
  WebsocketTracker tracker = started(all_ports());
  constexpr std::uint64_t kServers = SX_WEBSOCKET_KEYS + 100;
  for (std::uint64_t i = 0; i < kServers; ++i) {
    Server server("127.0.0.1");
    connect_in_vain(server);
  }
  const auto all = tracker.read();
  REQUIRE(all);
  CHECK(all->records.size() == SX_WEBSOCKET_KEYS);
  std::uint64_t sum = 0;
  for (const WebsocketRecord& record : all->records) sum += requests_missed(record);
  CHECK(sum >= kServers);

  const auto ours = records_of(tracker, ns);
  std::vector<WebsocketKey> keys;
  for (const WebsocketRecord& record : ours) keys.push_back(record.key);
  CHECK(tracker.forget(keys).size() == keys.size());
  Server server("127.0.0.1");
  connect_in_vain(server);
  auto later = records_of(tracker, ns);
  std::erase_if(later, [&](const auto& r) { return r.key.port != port_of(server.address()); });
  REQUIRE(later.size() == 1);
  CHECK(requests_missed(later.front()) == 1);
}

TEST_CASE("WebSockets are followed as often as one likes, and nothing is left behind") {
  const auto open_files = [] {
    const std::filesystem::directory_iterator files("/proc/self/fd");
    return std::distance(begin(files), end(files));
  };
  const auto before = open_files();
  for (int i = 0; i < 20; ++i) CHECK(WebsocketTracker::start(cgroup_root(), {.server = {80}}));
  CHECK(open_files() == before);
}

TEST_CASE("without the privilege WebSockets are not followed, and it says why") {
  const Fd root = cgroup_root();
  const WithoutBpf without;
  const auto started = WebsocketTracker::start(root, {.server = {80}});
  REQUIRE_FALSE(started);
  CHECK(started.error().kind == Error::Kind::denied);
}
