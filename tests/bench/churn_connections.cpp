// churn_connections [DESTINATIONS]
//
// Connects to itself as fast as it can, in the network namespace of its process, with one request
// and its answer each time, from "ready" until standard input ends; then says how many connections
// it made and how many of its calls were refused. It calls addresses from 127.0.0.1 on in turn, one
// unless told. Every second address refuses. Half of the connections end in a reset, the others in
// TIME_WAIT as far as tcp_max_tw_buckets allows.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <iostream>
#include <string>
#include <system_error>

#include "collectors/base/fd.h"

namespace {

using socket_exporter::Fd;

constexpr int kBetweenLooks = 256;  // connections until the next look at standard input

[[noreturn]] void fail(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

Fd tcp_socket() {
  Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket) fail("socket");
  return socket;
}

/// A port of the kernel's choice on all addresses; its calls are refused until it listens.
class Port {
 public:
  Port() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    socklen_t length = sizeof address;
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    if (bind(socket_.number(), generic, length) != 0) fail("bind");
    if (getsockname(socket_.number(), generic, &length) != 0) fail("getsockname");
    number_ = address.sin_port;
  }

  void listen() const {
    if (::listen(socket_.number(), 64) != 0) fail("listen");
  }

  Fd accept() const {
    Fd server(accept4(socket_.number(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!server) fail("accept");
    return server;
  }

  /// The errno of connect().
  int call(const Fd& client, std::uint32_t destination) const {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = number_;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK + destination);
    const auto* const generic = reinterpret_cast<const sockaddr*>(&address);
    return connect(client.number(), generic, sizeof address) == 0 ? 0 : errno;
  }

 private:
  Fd socket_ = tcp_socket();
  in_port_t number_ = 0;
};

void send_across(const Fd& from, const Fd& to) {
  std::array<char, 100> bytes{};
  constexpr auto kAll = static_cast<ssize_t>(bytes.size());
  if (send(from.number(), bytes.data(), bytes.size(), 0) != kAll) fail("send");
  if (recv(to.number(), bytes.data(), bytes.size(), MSG_WAITALL) != kAll) fail("recv");
}

void abort_at_close(const Fd& socket) {
  const linger now{1, 0};
  if (setsockopt(socket.number(), SOL_SOCKET, SO_LINGER, &now, sizeof now) != 0) fail("SO_LINGER");
}

class Churn {
 public:
  explicit Churn(std::uint32_t destinations) : destinations_(destinations) { open_.listen(); }

  /// One call from its begin to its end.
  void call_next() {
    const std::uint32_t destination = next_;
    next_ = (next_ + 1) % destinations_;
    if (destination % 2 == 0) {
      connect_to(destination);
    } else {
      be_refused_by(destination);
    }
  }

  std::size_t made() const { return made_; }
  std::size_t refused() const { return refused_; }

 private:
  void connect_to(std::uint32_t destination) {
    const Fd client = tcp_socket();
    if (errno = open_.call(client, destination); errno != 0) fail("connect");
    const Fd server = open_.accept();
    send_across(client, server);
    send_across(server, client);
    if (++made_ % 2 == 0) abort_at_close(server);
  }

  void be_refused_by(std::uint32_t destination) {
    const Fd client = tcp_socket();
    if (errno = shut_.call(client, destination); errno != ECONNREFUSED) fail("connect to nobody");
    ++refused_;
  }

  std::uint32_t destinations_;
  std::uint32_t next_ = 0;
  std::size_t made_ = 0;
  std::size_t refused_ = 0;
  Port open_;
  Port shut_;
};

bool is_told_to_end() {
  pollfd input{STDIN_FILENO, POLLIN, 0};
  return poll(&input, 1, 0) > 0;
}

void run(std::uint32_t destinations) {
  Churn churn(destinations);
  std::cout << "ready" << std::endl;
  while (!is_told_to_end()) {
    for (int i = 0; i < kBetweenLooks; ++i) churn.call_next();
  }
  std::cout << churn.made() << ' ' << churn.refused() << std::endl;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    run(argc > 1 ? static_cast<std::uint32_t>(std::stoul(argv[1])) : 1);
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "churn_connections: " << error.what() << std::endl;
    return 1;
  }
}
