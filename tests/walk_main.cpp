#include "collectors/kernel/socket_walk.h"
#include "tests/privileged_main.h"

int main(int argc, char** argv) {
  return socket_exporter::run_tests(argc, argv, socket_exporter::SocketWalk::open());
}
