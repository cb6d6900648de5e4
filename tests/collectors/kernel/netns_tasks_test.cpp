#include "collectors/kernel/netns_tasks.h"

#include <algorithm>

#include "tests/collectors/kernel/netns_host.h"

using namespace socket_exporter;

TEST_CASE("a process is listed with the inode and the cookie of its namespace") {
  const HeldNetns ns;
  const WaitingProcess process(ns);
  auto opened = NetnsTasks::open();
  REQUIRE(opened);

  const auto tasks = opened->list();

  REQUIRE(tasks);
  const auto is_it = [&](const NetnsTask& task) { return task.pid == process.pid(); };
  const auto found = std::find_if(tasks->begin(), tasks->end(), is_it);
  REQUIRE(found != tasks->end());
  CHECK(found->netns == ns.inode());
  CHECK(found->cookie == ns.cookie());
}
