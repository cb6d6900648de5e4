#include "exporter/http/served_sockets.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <filesystem>
#include <optional>

#include "collectors/base/text.h"

namespace socket_exporter {
namespace {

std::optional<std::uint16_t> local_port(int socket) {
  sockaddr_in6 address{};
  socklen_t length = sizeof address;
  int type = 0;
  socklen_t size = sizeof type;
  if (getsockopt(socket, SOL_SOCKET, SO_TYPE, &type, &size) != 0 || type != SOCK_STREAM) return {};
  if (getsockname(socket, reinterpret_cast<sockaddr*>(&address), &length) != 0) return {};
  if (address.sin6_family != AF_INET && address.sin6_family != AF_INET6) return {};
  return ntohs(address.sin6_port);  // where IPv4 has it too
}

}  // namespace

void end_reading(std::span<const std::uint16_t> local_ports) {
  std::error_code unreadable;  // then they find out by themselves
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd", unreadable)) {
    const auto number = parse_number<int>(entry.path().filename().native());
    const auto port = number ? local_port(*number) : std::nullopt;
    if (port && std::find(local_ports.begin(), local_ports.end(), *port) != local_ports.end()) {
      shutdown(*number, SHUT_RD);
    }
  }
}

}  // namespace socket_exporter
