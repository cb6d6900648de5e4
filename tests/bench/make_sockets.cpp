// make_sockets ESTABLISHED TIME_WAIT
//
// Fills a network namespace of its own process with that many IPv4 TCP sockets, says "ready", and
// holds them until standard input ends. Workers share the work, because one process may not have
// enough file descriptors. TIME_WAIT comes last: it lives for 60 seconds only.
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string>
#include <system_error>
#include <vector>

#include "collectors/base/fd.h"

namespace {

using socket_exporter::Fd;

// connect() is slow once half of the ports of one destination are taken; 64k ports are set below.
constexpr std::size_t kPerDestination = 9500;
constexpr std::size_t kSpareDescriptors = 64;
constexpr std::size_t kTimeWaitWorkers = 2;
constexpr char kReady = 'r';
constexpr char kFailed = 'f';

[[noreturn]] void fail(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

void write_sysctl(const std::string& name, const std::string& value) {
  std::ofstream file("/proc/sys/net/ipv4/" + name);
  file << value << std::flush;
  if (!file) fail(name);
}

void prepare_namespace() {
  write_sysctl("ip_local_port_range", "1024 65000");
  write_sysctl("tcp_max_tw_buckets", "2000000");
  write_sysctl("tcp_tw_reuse", "0");
  const Fd any(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  std::string("lo").copy(request.ifr_name, IFNAMSIZ - 1);
  request.ifr_flags = IFF_UP;
  if (ioctl(any.number(), SIOCSIFFLAGS, &request) != 0) fail("lo up");
}

std::size_t descriptors_per_process() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) fail("RLIMIT_NOFILE");
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) fail("RLIMIT_NOFILE");
  return limit.rlim_cur - kSpareDescriptors;
}

/// The client's end goes first, and so becomes TIME_WAIT.
struct Connection {
  Fd server;
  Fd client;
};

/// A listener on 127.x.y.1 and connections to it.
class Destination {
 public:
  explicit Destination(std::size_t number) {
    address_.sin_family = AF_INET;
    address_.sin_port = htons(80);
    address_.sin_addr.s_addr = htonl(static_cast<std::uint32_t>(0x7f010001 + (number << 8U)));
    if (bind(listener_.number(), generic(), sizeof address_) != 0) fail("bind");
    if (listen(listener_.number(), 64) != 0) fail("listen");
  }

  Connection connect() const {
    Fd client(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!client) fail("socket");
    if (::connect(client.number(), generic(), sizeof address_) != 0) fail("connect");
    Fd server(accept4(listener_.number(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!server) fail("accept");
    return {std::move(server), std::move(client)};
  }

 private:
  const sockaddr* generic() const { return reinterpret_cast<const sockaddr*>(&address_); }

  sockaddr_in address_{};
  Fd listener_{socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
};

void wait_for_end_of(int input) {
  char byte = 0;
  while (read(input, &byte, 1) > 0) {
  }
}

void say_ready(int ready) {
  if (write(ready, &kReady, 1) != 1) fail("ready");
}

struct Share {
  std::size_t first_destination = 0;
  std::size_t connections = 0;
};

void hold_established(Share share, int ready, int input) {
  const Destination destination(share.first_destination);
  std::vector<Connection> held;
  held.reserve(share.connections);
  for (std::size_t i = 0; i < share.connections; ++i) held.push_back(destination.connect());
  say_ready(ready);
  wait_for_end_of(input);
}

void make_time_wait(Share share, int ready) {
  for (std::size_t done = 0; done < share.connections; done += kPerDestination) {
    const Destination destination(share.first_destination + done / kPerDestination);
    const std::size_t now = std::min(kPerDestination, share.connections - done);
    for (std::size_t i = 0; i < now; ++i) static_cast<void>(destination.connect());
  }
  say_ready(ready);
}

/// Runs `work` in a child process, which says on `ready` how it went.
template <typename Work>
void in_child(int ready, const Work& work) {
  const pid_t child = fork();
  if (child < 0) fail("fork");
  if (child > 0) return;
  try {
    work();
    _exit(0);
  } catch (const std::exception& error) {
    std::cerr << "make_sockets: " << error.what() << std::endl;
    _exit(write(ready, &kFailed, 1) == 1 ? 1 : 2);
  }
}

void wait_for(std::size_t workers, int ready) {
  char byte = 0;
  for (std::size_t i = 0; i < workers; ++i) {
    if (read(ready, &byte, 1) != 1 || byte != kReady) fail("a worker gave up");
  }
}

int run(std::size_t established, std::size_t time_wait) {
  prepare_namespace();
  const std::size_t per_worker = std::min(kPerDestination, descriptors_per_process() / 2);
  int ready[2] = {-1, -1};
  if (pipe(ready) != 0) fail("pipe");

  std::size_t destination = 0;
  std::size_t workers = 0;
  for (std::size_t left = established / 2; left > 0; ++workers) {
    const Share share{destination++, std::min(left, per_worker)};
    in_child(ready[1], [&] { hold_established(share, ready[1], STDIN_FILENO); });
    left -= share.connections;
  }
  wait_for(workers, ready[0]);

  for (std::size_t i = 0; i < kTimeWaitWorkers; ++i) {
    const Share share{destination, time_wait / kTimeWaitWorkers};
    destination += share.connections / kPerDestination + 1;
    in_child(ready[1], [&] { make_time_wait(share, ready[1]); });
  }
  wait_for(kTimeWaitWorkers, ready[0]);

  std::cout << "ready" << std::endl;
  wait_for_end_of(STDIN_FILENO);
  while (wait(nullptr) > 0) {
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: make_sockets ESTABLISHED TIME_WAIT (in a network namespace of its own)\n";
    return 1;
  }
  try {
    return run(std::stoul(argv[1]), std::stoul(argv[2]));
  } catch (const std::exception& error) {
    std::cerr << "make_sockets: " << error.what() << std::endl;
    return 1;
  }
}
