#include <catch2/catch.hpp>

#include "tests/exposition.h"
#include "tests/fake_kernel.h"

using namespace socket_exporter;

TEST_CASE("netns names every namespace that is read, with its inode", "[netns]") {
  FakeKernel kernel;
  kernel.netns = {{4026531840, "host"}, {4026532000, "blue"}};
  const std::string text = expose(kernel, "netns");
  CHECK_THAT(text, HasLine("socket_netns_info{netns=\"host\",inode=\"4026531840\",namespace=\"\","
                           "pod=\"\",container=\"\",pod_uid=\"\"} 1"));
  CHECK_THAT(text, HasLine("socket_netns_info{netns=\"blue\",inode=\"4026532000\",namespace=\"\","
                           "pod=\"\",container=\"\",pod_uid=\"\"} 1"));
}
