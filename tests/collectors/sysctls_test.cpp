#include <catch2/catch.hpp>

#include "tests/exposition.h"
#include "tests/fake_kernel.h"
#include "tests/fixtures.h"

using namespace socket_exporter;
using Catch::Matchers::Contains;

TEST_CASE("sysctls has the settings of each network namespace", "[sysctls]") {
  FakeKernel kernel;
  kernel.proc_files = proc_fixtures();
  kernel.netns = {{1, "host"}, {2, "blue"}};
  kernel.netns_files["blue"]["sys/net/ipv4/tcp_tw_reuse"] = "1\n";

  const std::string text = expose(kernel, "sysctls");

  CHECK_THAT(text, HasLine("socket_sysctl_value{netns=\"host\",name=\"tcp_tw_reuse\"} 2"));
  CHECK_THAT(text, HasLine("socket_sysctl_value{netns=\"blue\",name=\"tcp_tw_reuse\"} 1"));
  CHECK_THAT(text, HasLine("socket_sysctl_value{netns=\"host\",name=\"tcp_fin_timeout\"} 60"));
  CHECK_THAT(text, HasLine("socket_sysctl_value{netns=\"host\",name=\"somaxconn\"} 4096"));
  CHECK_THAT(text, HasLine("socket_sysctl_value{netns=\"host\",name=\"nf_conntrack_max\"} 262144"));
  CHECK_THAT(text, HasLine("socket_sysctl_value{netns=\"host\",name=\"tcp_tw_reuse_delay\"} 1000"));
}

TEST_CASE("a setting that this kernel lacks has no series", "[sysctls]") {
  FakeKernel kernel;
  kernel.proc_files = {{"sys/net/ipv4/tcp_tw_reuse", "-1\n"}};

  const std::string text = expose(kernel, "sysctls");

  CHECK_THAT(text, HasLine("socket_sysctl_value{netns=\"host\",name=\"tcp_tw_reuse\"} -1"));
  CHECK_THAT(text, !Contains("somaxconn"));
}

TEST_CASE("sysctls passes on what is wrong", "[sysctls]") {
  FakeKernel kernel;
  kernel.proc_files = proc_fixtures();

  SECTION("malformed") {
    kernel.proc_files["sys/net/core/somaxconn"] = "\n";
    CHECK(expose_error(kernel, "sysctls").kind == Error::Kind::malformed);
  }
  SECTION("not allowed") {
    kernel.proc_errors.insert({"sys/net/core/somaxconn", {Error::Kind::denied, "somaxconn"}});
    CHECK(expose_error(kernel, "sysctls").kind == Error::Kind::denied);
  }
}
