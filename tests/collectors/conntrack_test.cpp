#include <catch2/catch.hpp>

#include "tests/exposition.h"
#include "tests/fake_kernel.h"
#include "tests/fixtures.h"

using namespace socket_exporter;
using Catch::Matchers::Contains;

namespace {

const FakeKernel::Files kConntrackFiles{
    {"sys/net/netfilter/nf_conntrack_count", "17\n"},
    {"sys/net/netfilter/nf_conntrack_max", "262144\n"},
    {"net/stat/nf_conntrack",
     "entries found drop early_drop\n"
     "00000011 00000002 0000000a 00000003\n"
     "00000011 00000003 00000001 00000000\n"},
};

}  // namespace

TEST_CASE("conntrack has the table, its limit and the sums over CPUs", "[conntrack]") {
  FakeKernel kernel;
  kernel.proc_files = kConntrackFiles;

  const std::string text = expose(kernel, "conntrack");

  CHECK_THAT(text, HasLine("# TYPE node_nf_conntrack_stat_drop gauge"));
  CHECK_THAT(text, HasLine("node_nf_conntrack_entries 17"));
  CHECK_THAT(text, HasLine("node_nf_conntrack_entries_limit 262144"));
  CHECK_THAT(text, HasLine("node_nf_conntrack_stat_found 5"));
  CHECK_THAT(text, HasLine("node_nf_conntrack_stat_drop 11"));
  CHECK_THAT(text, HasLine("node_nf_conntrack_stat_early_drop 3"));
  CHECK_THAT(text, !Contains("stat_ignore"));
}

TEST_CASE("conntrack has all of node_exporter's statistics on a real kernel", "[conntrack]") {
  FakeKernel kernel;
  kernel.proc_files = proc_fixtures();

  const std::string text = expose(kernel, "conntrack");

  for (const char* name : {"found", "invalid", "ignore", "insert", "insert_failed", "drop",
                           "early_drop", "search_restart"}) {
    CHECK_THAT(text, HasLine(std::string("node_nf_conntrack_stat_") + name + " 0"));
  }
}

TEST_CASE("conntrack is unavailable without its kernel module", "[conntrack]") {
  FakeKernel kernel;
  CHECK(expose_error(kernel, "conntrack").kind == Error::Kind::unavailable);
}

TEST_CASE("conntrack has the table where the kernel keeps its statistics back", "[conntrack]") {
  FakeKernel kernel;
  kernel.proc_files = kConntrackFiles;
  kernel.proc_files.erase("net/stat/nf_conntrack");

  const std::string text = expose(kernel, "conntrack");

  CHECK_THAT(text, HasLine("node_nf_conntrack_entries 17"));
  CHECK_THAT(text, !Contains("_stat_"));
}

TEST_CASE("conntrack passes on what is wrong", "[conntrack]") {
  FakeKernel kernel;
  kernel.proc_files = kConntrackFiles;
  const auto path =
      GENERATE(as<std::string>{}, "net/stat/nf_conntrack", "sys/net/netfilter/nf_conntrack_count",
               "sys/net/netfilter/nf_conntrack_max");
  CAPTURE(path);

  SECTION("malformed") {
    kernel.proc_files[path] = "what\n";
    CHECK(expose_error(kernel, "conntrack").kind == Error::Kind::malformed);
  }
  SECTION("not allowed") {
    kernel.proc_errors.insert({path, {Error::Kind::denied, path}});
    CHECK(expose_error(kernel, "conntrack").kind == Error::Kind::denied);
  }
}
