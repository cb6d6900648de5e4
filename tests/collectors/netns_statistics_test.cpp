#include <catch2/catch.hpp>

#include "tests/exposition.h"
#include "tests/fake_kernel.h"
#include "tests/fixtures.h"

using namespace socket_exporter;

TEST_CASE("each namespace has its own statistics", "[netns_statistics]") {
  FakeKernel kernel;
  kernel.netns = {{1, "host"}, {2, "shop/cart"}};
  kernel.proc_files = {{"net/netstat",
                        "TcpExt: ListenDrops ListenOverflows TCPPureAcks\n"
                        "TcpExt: 7 5 900\n"},
                       {"net/snmp", "Tcp: CurrEstab\nTcp: 12\n"},
                       {"net/sockstat", "sockets: used 9\nTCP: inuse 3 orphan 0 tw 2\n"},
                       {"net/sockstat6", "TCP6: inuse 1\n"}};
  kernel.netns_files["shop/cart"] = {{"net/netstat", "TcpExt: ListenDrops\nTcpExt: 70\n"}};

  const std::string text = expose(kernel, "netns_statistics");

  CHECK_THAT(text, HasLine("socket_netns_netstat{netns=\"host\",field=\"TcpExt_ListenDrops\"} 7"));
  CHECK_THAT(text, HasLine("socket_netns_netstat{netns=\"host\",field=\"Tcp_CurrEstab\"} 12"));
  CHECK_THAT(text, !Catch::Contains("TCPPureAcks"));
  CHECK_THAT(text,
             HasLine("socket_netns_netstat{netns=\"shop/cart\",field=\"TcpExt_ListenDrops\"} 70"));
  CHECK_THAT(text, HasLine("socket_netns_sockstat{netns=\"shop/cart\",field=\"TCP_tw\"} 2"));
  CHECK_THAT(text, HasLine("socket_netns_sockstat{netns=\"host\",field=\"TCP6_inuse\"} 1"));
}

TEST_CASE("a namespace that may not be read has no statistics", "[netns_statistics]") {
  FakeKernel kernel;
  kernel.netns = {{1, "host"}};
  CHECK(expose(kernel, "netns_statistics").empty());
}
