// churn_connections
//
// Connects to itself as fast as it can, in the network namespace of its process, from "ready" until
// standard input ends; then says how many connections it made. Half of them end in a reset, the
// others in TIME_WAIT as far as tcp_max_tw_buckets allows.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
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

class Listener {
 public:
  Listener() {
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address_;
    if (bind(listener_.number(), generic(), length) != 0) fail("bind");
    if (listen(listener_.number(), 64) != 0) fail("listen");
    if (getsockname(listener_.number(), generic(), &length) != 0) fail("getsockname");
  }

  /// One connection from its begin to its end.
  void connect_once(bool reset) {
    const Fd client = tcp_socket();
    if (connect(client.number(), generic(), sizeof address_) != 0) fail("connect");
    const Fd server(accept4(listener_.number(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!server) fail("accept");
    if (reset) abort_at_close(server);
  }

 private:
  sockaddr* generic() { return reinterpret_cast<sockaddr*>(&address_); }

  static void abort_at_close(const Fd& socket) {
    const linger now{1, 0};
    if (setsockopt(socket.number(), SOL_SOCKET, SO_LINGER, &now, sizeof now) != 0)
      fail("SO_LINGER");
  }

  sockaddr_in address_{};
  Fd listener_ = tcp_socket();
};

bool is_told_to_end() {
  pollfd input{STDIN_FILENO, POLLIN, 0};
  return poll(&input, 1, 0) > 0;
}

void run() {
  Listener listener;
  std::cout << "ready" << std::endl;
  std::size_t made = 0;
  while (!is_told_to_end()) {
    for (int i = 0; i < kBetweenLooks; ++i) listener.connect_once(++made % 2 == 0);
  }
  std::cout << made << std::endl;
}

}  // namespace

int main() {
  try {
    run();
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "churn_connections: " << error.what() << std::endl;
    return 1;
  }
}
