#include "tests/exporter/http/raw_client.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <stdexcept>

#include "collectors/base/text.h"

namespace socket_exporter {

RawClient::RawClient(std::string_view url, int receive_buffer)
    : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(parse_number<std::uint16_t>(url.substr(url.rfind(':') + 1)).value());
  if (receive_buffer != 0) {
    ::setsockopt(socket_.number(), SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  }
  if (::connect(socket_.number(), reinterpret_cast<const sockaddr*>(&address), sizeof address) !=
      0) {
    throw std::runtime_error(fmt::format("cannot connect to {}", url));
  }
}

bool RawClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket_.number(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

void RawClient::end() {
  ::shutdown(socket_.number(), SHUT_WR);
}

std::string RawClient::read_some(std::size_t most) {
  pollfd ready{.fd = socket_.number(), .events = POLLIN, .revents = 0};
  if (::poll(&ready, 1, static_cast<int>(std::chrono::milliseconds(kLimit).count())) != 1) {
    throw std::runtime_error("the server kept the connection without a word");
  }
  std::string bytes(most, '\0');
  const ssize_t size = ::recv(socket_.number(), bytes.data(), bytes.size(), 0);
  bytes.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  return bytes;
}

std::string RawClient::read_all() {
  std::string all;
  for (std::string part = read_some(65536); !part.empty(); part = read_some(65536)) all += part;
  return all;
}

std::string talk(std::string_view url, std::string_view request) {
  RawClient client(url);
  client.send(request);
  // A whole request is the last: the server need not wait for another.
  if (request.find("\r\n\r\n") != std::string_view::npos) client.end();
  return client.read_all();
}

std::string http_get(std::string_view url, std::string_view path) {
  return talk(url, fmt::format("GET {} HTTP/1.1\r\nHost: localhost\r\n\r\n", path));
}

std::string body_of(const std::string& answer) {
  const auto end = answer.find("\r\n\r\n");
  return end == std::string::npos ? "" : answer.substr(end + 4);
}

}  // namespace socket_exporter
