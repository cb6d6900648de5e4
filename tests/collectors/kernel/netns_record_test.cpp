#include "collectors/kernel/netns_record.h"

#include <array>
#include <catch2/catch.hpp>

#include "collectors/bpf/netns_list.h"
#include "collectors/kernel/sys_net.h"

using namespace socket_exporter;

namespace {

using Bitmap = std::array<unsigned long long, 1024>;

Bitmap bitmap_of(std::initializer_list<PortRange> ranges) {
  Bitmap bitmap{};
  for (const PortRange& range : ranges) {
    for (std::size_t port = range.min; port <= range.max; ++port) {
      bitmap[port / 64] |= 1ULL << port % 64;
    }
  }
  return bitmap;
}

}  // namespace

TEST_CASE("a bitmap of ports is written as the kernel writes it", "[netns]") {
  CHECK(ports_text({}).empty());
  CHECK(ports_text(bitmap_of({})).empty());
  CHECK(ports_text(bitmap_of({{80, 80}, {8000, 8010}})) == "80,8000-8010");
  CHECK(ports_text(bitmap_of({{0, 1}, {63, 64}, {127, 127}})) == "0-1,63-64,127");
  CHECK(ports_text(bitmap_of({{0, 0}, {640, 1023}, {65535, 65535}})) == "0,640-1023,65535");
  CHECK(ports_text(bitmap_of({{0, 65535}})) == "0-65535");
}

TEST_CASE("ports that could not be read are not none", "[netns]") {
  const Bitmap bitmap = bitmap_of({{80, 80}});
  CHECK(reserved_ports(SX_NETNS_PORTS_NONE, bitmap) == "");
  CHECK(reserved_ports(SX_NETNS_PORTS_READ, bitmap) == "80");
  CHECK_FALSE(reserved_ports(SX_NETNS_PORTS_UNREAD, bitmap));
}

TEST_CASE("a record has the text of the files that it stands for", "[netns]") {
  NetnsRecord record;
  record.first_port = 32768;
  record.last_port = 60999;
  record.reserved_ports = "80,8000-8010";
  record.tw_reuse = 2;
  record.tw_reuse_delay_ms = 1000;
  record.timestamps = 1;
  record.fin_timeout_seconds = 60;
  record.somaxconn = 4096;
  record.max_tw_buckets = 262144;
  CHECK(sysctl_text(record, "sys/net/ipv4/ip_local_port_range") == "32768\t60999\n");
  CHECK(sysctl_text(record, "sys/net/ipv4/ip_local_reserved_ports") == "80,8000-8010\n");
  CHECK(sysctl_text(record, "sys/net/ipv4/tcp_tw_reuse") == "2\n");
  CHECK(sysctl_text(record, "sys/net/ipv4/tcp_tw_reuse_delay") == "1000\n");
  CHECK(sysctl_text(record, "sys/net/ipv4/tcp_timestamps") == "1\n");
  CHECK(sysctl_text(record, "sys/net/ipv4/tcp_fin_timeout") == "60\n");
  CHECK(sysctl_text(record, "sys/net/core/somaxconn") == "4096\n");
  CHECK(sysctl_text(record, "sys/net/ipv4/tcp_max_tw_buckets") == "262144\n");
}

TEST_CASE("a record does not tell of other files", "[netns]") {
  NetnsRecord record;
  CHECK_FALSE(sysctl_text(record, "sys/net/ipv4/tcp_tw_reuse_delay"));  // an old kernel
  CHECK_FALSE(sysctl_text(record, "sys/net/ipv4/tcp_syncookies"));
  CHECK_FALSE(sysctl_text(record, "tcp_tw_reuse"));
  CHECK_FALSE(sysctl_text(record, ""));
  CHECK_FALSE(sysctl_text(record, "sys/net/ipv4/ip_local_reserved_ports"));  // could not be read
}
