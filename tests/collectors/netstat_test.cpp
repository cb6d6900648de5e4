#include <catch2/catch.hpp>

#include "tests/exposition.h"
#include "tests/fake_kernel.h"
#include "tests/fixtures.h"

using namespace socket_exporter;
using Catch::Matchers::Contains;

TEST_CASE("netstat has node_exporter's names and the kernel's values", "[netstat]") {
  FakeKernel kernel;
  kernel.proc_files = proc_fixtures();

  const std::string text = expose(kernel, "netstat");

  CHECK_THAT(text, HasLine("# TYPE node_netstat_TcpExt_ListenDrops untyped"));
  CHECK_THAT(text, HasLine("node_netstat_TcpExt_ListenDrops 0"));
  CHECK_THAT(text, HasLine("node_netstat_TcpExt_TW 4"));
  CHECK_THAT(text, HasLine("node_netstat_IpExt_InOctets 8548"));
  CHECK_THAT(text, HasLine("node_netstat_Tcp_ActiveOpens 12"));
  CHECK_THAT(text, HasLine("node_netstat_Ip_Forwarding 2"));
  CHECK_THAT(text, HasLine("node_netstat_Ip6_InOctets 9388"));
  CHECK_THAT(text, HasLine("node_netstat_Udp6_NoPorts 2"));
  CHECK_THAT(text, HasLine("node_netstat_UdpLite6_InErrors 0"));
  CHECK_THAT(text, !Contains("RtoMin"));
  CHECK(kernel.files_read ==
        std::vector<std::string>{"host:net/netstat", "host:net/snmp", "host:net/snmp6"});
}

TEST_CASE("netstat shows the fields that the operator chose", "[netstat]") {
  FakeKernel kernel;
  kernel.proc_files = proc_fixtures();
  CollectorRunner runner;
  runner.options.netstat_fields = *FieldFilter::compile("^Tcp_(RtoMin|MaxConn)$");

  const auto text = runner.run(kernel, "netstat");

  REQUIRE(text);
  CHECK_THAT(*text, HasLine("node_netstat_Tcp_RtoMin 200"));
  CHECK_THAT(*text, HasLine("node_netstat_Tcp_MaxConn -1"));
  CHECK_THAT(*text, !Contains("CurrEstab"));
}

TEST_CASE("netstat works where IPv6 is off", "[netstat]") {
  FakeKernel kernel;
  kernel.proc_files = proc_fixtures();
  kernel.proc_files.erase("net/snmp6");

  const std::string text = expose(kernel, "netstat");

  CHECK_THAT(text, HasLine("node_netstat_Tcp_CurrEstab 12"));
  CHECK_THAT(text, !Contains("Ip6"));
}

TEST_CASE("netstat passes on why a file gave nothing", "[netstat]") {
  FakeKernel kernel;
  kernel.proc_files = proc_fixtures();

  SECTION("absent") {
    kernel.proc_files.erase("net/snmp");
    CHECK(expose_error(kernel, "netstat").kind == Error::Kind::unavailable);
  }
  SECTION("not allowed") {
    kernel.proc_errors.insert({"net/snmp6", {Error::Kind::denied, "net/snmp6"}});
    CHECK(expose_error(kernel, "netstat").kind == Error::Kind::denied);
  }
  SECTION("malformed") {
    kernel.proc_files["net/netstat"] = "TcpExt: TW\nTcpExt: 1 2\n";
    CHECK(expose_error(kernel, "netstat").kind == Error::Kind::malformed);
  }
}
