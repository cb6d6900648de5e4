#include <fmt/format.h>

#include <catch2/catch.hpp>

#include "collectors/kernel/units.h"
#include "tests/exposition.h"
#include "tests/fake_kernel.h"
#include "tests/fixtures.h"

using namespace socket_exporter;
using Catch::Matchers::Contains;

TEST_CASE("sockstat has node_exporter's names and the kernel's values", "[sockstat]") {
  FakeKernel kernel;
  kernel.proc_files = proc_fixtures();

  const std::string text = expose(kernel, "sockstat");

  CHECK_THAT(text, HasLine("# TYPE node_sockstat_TCP_tw gauge"));
  CHECK_THAT(text, HasLine("node_sockstat_sockets_used 18"));
  CHECK_THAT(text, HasLine("node_sockstat_TCP_tw 4"));
  CHECK_THAT(text, HasLine("node_sockstat_TCP_mem 327"));
  CHECK_THAT(text, HasLine(fmt::format("node_sockstat_TCP_mem_bytes {}", 327 * page_size())));
  CHECK_THAT(text, HasLine("node_sockstat_UDP_mem_bytes 0"));
  CHECK_THAT(text, HasLine("node_sockstat_FRAG_memory 0"));
  CHECK_THAT(text, HasLine("node_sockstat_TCP6_inuse 7"));
  CHECK_THAT(text, !Contains("FRAG_memory_bytes"));
}

TEST_CASE("sockstat works where IPv6 is off", "[sockstat]") {
  FakeKernel kernel;
  kernel.proc_files = proc_fixtures();
  kernel.proc_files.erase("net/sockstat6");

  const std::string text = expose(kernel, "sockstat");

  CHECK_THAT(text, HasLine("node_sockstat_TCP_inuse 7"));
  CHECK_THAT(text, !Contains("TCP6"));
}

TEST_CASE("sockstat passes on why a file gave nothing", "[sockstat]") {
  FakeKernel kernel;
  kernel.proc_files = proc_fixtures();

  SECTION("not allowed") {
    kernel.proc_errors.insert({"net/sockstat", {Error::Kind::denied, "net/sockstat"}});
    CHECK(expose_error(kernel, "sockstat").kind == Error::Kind::denied);
  }
  SECTION("malformed") {
    kernel.proc_files["net/sockstat6"] = "TCP6: inuse\n";
    CHECK(expose_error(kernel, "sockstat").kind == Error::Kind::malformed);
  }
}
