#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cerrno>
#include <cstdint>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "collectors/base/fd.h"

// Real sockets in network namespaces of their own, for tests with the privilege to make these.
namespace socket_exporter {

inline void write_sysctl(const std::string& name, const std::string& value) {
  std::ofstream file("/proc/sys/net/ipv4/" + name);
  file << value << std::flush;
  REQUIRE(file);
}

/// A network namespace that this thread is in as long as the object lives; with hash tables of its
/// own when a number of buckets is given.
class Namespace {
 public:
  explicit Namespace(int buckets = 0) {
    if (buckets > 0) {
      REQUIRE(unshare(CLONE_NEWNET) == 0);
      write_sysctl("tcp_child_ehash_entries", std::to_string(buckets));
      write_sysctl("udp_child_hash_entries", std::to_string(buckets));
    }
    REQUIRE(unshare(CLONE_NEWNET) == 0);
    write_sysctl("tcp_tw_reuse", "0");
    write_sysctl("tcp_max_tw_buckets", "200000");
    const Fd any(socket(AF_INET, SOCK_DGRAM, 0));
    ifreq request{};
    std::string("lo").copy(request.ifr_name, IFNAMSIZ - 1);
    request.ifr_flags = IFF_UP;
    REQUIRE(ioctl(any.number(), SIOCSIFFLAGS, &request) == 0);
  }
  Namespace(const Namespace&) = delete;
  Namespace& operator=(const Namespace&) = delete;
  ~Namespace() { setns(before_.number(), CLONE_NEWNET); }

  /// Known to nobody else, so it tells our sockets from those of the host.
  std::uint32_t inode() const {
    struct stat status {};
    REQUIRE(stat("/proc/thread-self/ns/net", &status) == 0);
    return static_cast<std::uint32_t>(status.st_ino);
  }

 private:
  Fd before_{open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)};
};

/// An address of either family with a port.
struct Endpoint {
  sockaddr_storage storage{};
  socklen_t length = 0;

  explicit Endpoint(const char* address) {
    auto* const v4 = reinterpret_cast<sockaddr_in*>(&storage);
    auto* const v6 = reinterpret_cast<sockaddr_in6*>(&storage);
    const bool is_v4 = inet_pton(AF_INET, address, &v4->sin_addr) == 1;
    REQUIRE((is_v4 || inet_pton(AF_INET6, address, &v6->sin6_addr) == 1));
    storage.ss_family = is_v4 ? AF_INET : AF_INET6;
    length = is_v4 ? sizeof *v4 : sizeof *v6;
  }
  sockaddr* name() { return reinterpret_cast<sockaddr*>(&storage); }
};

inline Endpoint address_of(const Fd& socket) {
  Endpoint endpoint("::");
  endpoint.length = sizeof endpoint.storage;
  REQUIRE(getsockname(socket.number(), endpoint.name(), &endpoint.length) == 0);
  return endpoint;
}

// Both families have the port at one place.
inline std::uint16_t port_of(const Endpoint& endpoint) {
  return ntohs(reinterpret_cast<const sockaddr_in*>(&endpoint.storage)->sin_port);
}
inline std::uint16_t port_of(const Fd& socket) {
  return port_of(address_of(socket));
}

/// Bound to a port that the kernel chose, and no more.
inline Fd bound_socket(const char* address, int type = SOCK_STREAM) {
  Endpoint to(address);
  Fd bound(socket(to.storage.ss_family, type, 0));
  REQUIRE(bind(bound.number(), to.name(), to.length) == 0);
  return bound;
}

inline Fd connect_to(Endpoint to, int flags = 0) {
  Fd client(socket(to.storage.ss_family, SOCK_STREAM | flags, 0));
  if (connect(client.number(), to.name(), to.length) != 0) REQUIRE(errno == EINPROGRESS);
  return client;
}

/// The client's end goes first, and so becomes TIME_WAIT.
struct Connection {
  Fd server;
  Fd client;
};

/// A listener that lets its connections be made and accepted one by one.
class Server {
 public:
  explicit Server(const char* address, int backlog = 512, bool defers = false)
      : address_(address), listener_(socket(address_.storage.ss_family, SOCK_STREAM, 0)) {
    const int seconds = 60;
    if (defers) {
      REQUIRE(setsockopt(listener_.number(), IPPROTO_TCP, TCP_DEFER_ACCEPT, &seconds,
                         sizeof seconds) == 0);
    }
    REQUIRE(bind(listener_.number(), address_.name(), address_.length) == 0);
    REQUIRE(listen(listener_.number(), backlog) == 0);
    REQUIRE(getsockname(listener_.number(), address_.name(), &address_.length) == 0);
  }

  const Endpoint& address() const { return address_; }
  Connection connection() { return connection(address_); }
  Connection connection(const Endpoint& to) {
    Fd client = connect_to(to);
    Fd server(accept(listener_.number(), nullptr, nullptr));
    REQUIRE(server);
    return {std::move(server), std::move(client)};
  }
  /// The same port by another address.
  Connection connection_by(const char* address) {
    Endpoint to(address);
    reinterpret_cast<sockaddr_in6*>(&to.storage)->sin6_port =
        reinterpret_cast<const sockaddr_in6*>(&address_.storage)->sin6_port;
    return connection(to);
  }
  void leave_in_time_wait(int count) {
    for (int i = 0; i < count; ++i) connection();
  }

 private:
  Endpoint address_;
  Fd listener_;
};

/// One address makes at most this many connections quickly.
inline constexpr int kPerServer = 10'000;

inline void fill_with_time_wait(int count) {
  for (int made = 0; made < count; made += kPerServer) {
    Server("127.0.0.1").leave_in_time_wait(std::min(kPerServer, count - made));
  }
}

/// A socket in every state that stays, with data in some queues.
class EveryState {
 public:
  EveryState() {
    for (Server* server : {&v4_, &v6_}) {
      keep(server->connection());
      write_to(keep(server->connection()).client, 100);
      fill(keep(server->connection()).client);
      shutdown(keep(server->connection()).client.number(), SHUT_WR);
      keep(server->connection()).client = Fd();  // FIN_WAIT2 without an owner
      server->leave_in_time_wait(1);
      write_to(keep(server->connection()).server, 7);
      close_unread(keep(server->connection()));
    }
    write_to(keep(any_.connection_by("::ffff:127.0.0.1")).client, 1);
    for (int i = 0; i < 3; ++i) waiting_.push_back(connect_to(full_.address(), SOCK_NONBLOCK));
    for (int i = 0; i < 3; ++i) waiting_.push_back(connect_to(defers_.address()));
  }

 private:
  Connection& keep(Connection connection) {
    connections_.push_back(std::make_unique<Connection>(std::move(connection)));
    return *connections_.back();
  }
  /// The server's end stays in LAST_ACK, as its data do not fit: gone with a FIN that it never
  /// read, which still counts as a byte of its receive queue.
  static void close_unread(Connection& connection) {
    fill(connection.server);
    shutdown(connection.client.number(), SHUT_WR);
    connection.server = Fd();
  }
  static void write_to(const Fd& to, std::size_t bytes) {
    const std::string data(bytes, 'x');
    REQUIRE(write(to.number(), data.data(), bytes) == static_cast<ssize_t>(bytes));
  }
  static void fill(const Fd& to) {
    const std::string data(65536, 'x');
    while (send(to.number(), data.data(), data.size(), MSG_DONTWAIT) > 0) {
    }
  }

  Server v4_{"127.0.0.1"};
  Server v6_{"::1"};
  Server any_{"::"};
  Server full_{"127.0.0.1", 0};
  Server defers_{"127.0.0.1", 512, true};
  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<Fd> waiting_;
};

}  // namespace socket_exporter
