#include <catch2/catch.hpp>

#include "tests/exposition.h"
#include "tests/fake_kernel.h"
#include "tests/fixtures.h"

using namespace socket_exporter;
using Catch::Matchers::Contains;

TEST_CASE("limits has memory, orphans and TIME_WAIT limits", "[limits]") {
  FakeKernel kernel;
  kernel.proc_files = proc_fixtures();
  kernel.netns = {{1, "host"}, {2, "blue"}};
  kernel.netns_files["blue"]["sys/net/ipv4/tcp_max_tw_buckets"] = "500\n";

  const std::string text = expose(kernel, "limits");

  CHECK_THAT(text, HasLine("socket_tcp_memory_pages 327"));
  CHECK_THAT(text, HasLine("socket_tcp_memory_limit_pages{level=\"low\"} 287898"));
  CHECK_THAT(text, HasLine("socket_tcp_memory_limit_pages{level=\"pressure\"} 383867"));
  CHECK_THAT(text, HasLine("socket_tcp_memory_limit_pages{level=\"high\"} 575796"));
  CHECK_THAT(text, HasLine("socket_tcp_orphans 0"));
  CHECK_THAT(text, HasLine("socket_tcp_orphans_limit 131072"));
  CHECK_THAT(text, HasLine("socket_tcp_time_wait_limit{netns=\"host\"} 131072"));
  CHECK_THAT(text, HasLine("socket_tcp_time_wait_limit{netns=\"blue\"} 500"));
}

TEST_CASE("limits that a network namespace does not show are left out", "[limits]") {
  FakeKernel kernel;
  kernel.proc_files = {{"net/sockstat", "sockets: used 5\nTCP: inuse 2\n"}};

  const std::string text = expose(kernel, "limits");

  CHECK(text.empty());
}

TEST_CASE("limits passes on why a file gave nothing", "[limits]") {
  FakeKernel kernel;
  kernel.proc_files = proc_fixtures();
  const auto path = GENERATE(as<std::string>{}, "net/sockstat", "sys/net/ipv4/tcp_mem",
                             "sys/net/ipv4/tcp_max_orphans", "sys/net/ipv4/tcp_max_tw_buckets");
  CAPTURE(path);

  SECTION("malformed") {
    kernel.proc_files[path] = "1 x\n";
    CHECK(expose_error(kernel, "limits").kind == Error::Kind::malformed);
  }
  SECTION("not allowed") {
    kernel.proc_errors.insert({path, {Error::Kind::denied, path}});
    CHECK(expose_error(kernel, "limits").kind == Error::Kind::denied);
  }
}
