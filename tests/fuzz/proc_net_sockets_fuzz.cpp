#include <string_view>

#include "collectors/kernel/proc_net_sockets.h"

extern "C" int LLVMFuzzerTestOneInput(const char* data, std::size_t size) {
  using namespace socket_exporter;
  for (const Family family : {Family::ipv4, Family::ipv6}) {
    (void)parse_proc_socket(std::string_view(data, size), Protocol::tcp, family);
  }
  return 0;
}
