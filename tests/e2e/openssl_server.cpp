// openssl_server PORT CERTIFICATE: a WebSocket server with OpenSSL inside of its own file. It looks
// at what comes before it reads it in small pieces, says one word, and has one SSL object for all.
#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

constexpr std::string_view kGrant =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
constexpr std::string_view kWord = "\x81\x05hello";  // a frame

void require(bool is_true, const char* what) {
  if (is_true) return;
  std::perror(what);
  std::exit(1);
}

void write(SSL* ssl, std::string_view data) {
  require(SSL_write(ssl, data.data(), static_cast<int>(data.size())) > 0, "SSL_write");
}

// Until there is no more.
void serve(SSL* ssl) {
  std::array<char, 7> piece{};
  std::string request;
  for (;;) {
    SSL_peek(ssl, piece.data(), piece.size());
    const int got = SSL_read(ssl, piece.data(), piece.size());
    if (got <= 0) return;
    if (request.ends_with("\r\n\r\n")) continue;
    request.append(piece.data(), static_cast<std::size_t>(got));
    if (!request.ends_with("\r\n\r\n")) continue;
    write(ssl, kGrant);
    write(ssl, kWord);
  }
}

int listen_at(const char* port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(std::atoi(port)));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const auto* at = reinterpret_cast<const sockaddr*>(&address);
  require(::bind(fd, at, sizeof address) == 0 && ::listen(fd, 16) == 0, "listen");
  return fd;
}

}  // namespace

int main(int argc, char** argv) {
  require(argc == 3, "PORT CERTIFICATE");
  SSL_CTX* const context = SSL_CTX_new(TLS_server_method());
  require(SSL_CTX_use_certificate_file(context, argv[2], SSL_FILETYPE_PEM) == 1 &&
              SSL_CTX_use_PrivateKey_file(context, argv[2], SSL_FILETYPE_PEM) == 1,
          "certificate");
  const int listener = listen_at(argv[1]);
  SSL* const ssl = SSL_new(context);
  std::fputs("ready\n", stderr);
  for (;;) {
    const int fd = ::accept(listener, nullptr, nullptr);
    require(fd >= 0 && SSL_clear(ssl) == 1 && SSL_set_fd(ssl, fd) == 1, "accept");
    if (SSL_accept(ssl) == 1) serve(ssl);
    SSL_shutdown(ssl);
    ::close(fd);
  }
}
