#include <span>
#include <vector>

#include "collectors/kernel/sock_diag.h"

extern "C" int LLVMFuzzerTestOneInput(const char* data, std::size_t size) {
  using namespace socket_exporter;
  std::vector<Socket> sockets;
  for (const Protocol protocol : {Protocol::tcp, Protocol::udp}) {
    (void)decode_diag_reply(std::as_bytes(std::span(data, size)), 1, protocol, sockets);
  }
  return 0;
}
