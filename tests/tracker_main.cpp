#include "collectors/kernel/connect_tracker.h"
#include "tests/privileged_main.h"

int main(int argc, char** argv) {
  return socket_exporter::run_tests(argc, argv, socket_exporter::ConnectTracker::start());
}
