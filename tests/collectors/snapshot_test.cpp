#include "collectors/snapshot.h"

#include <catch2/catch.hpp>

#include "tests/exposition.h"
#include "tests/fake_kernel.h"

using namespace socket_exporter;

namespace {

struct OneScrape {
  explicit OneScrape(FakeKernel& kernel)
      : snapshot(kernel, kernel.netns, std::chrono::steady_clock::now(), runner.options,
                 runner.services, history) {}

  CollectorRunner runner;
  History history;
  Snapshot snapshot;
};

}  // namespace

TEST_CASE("a snapshot reads each file of each namespace once", "[snapshot]") {
  FakeKernel kernel;
  kernel.netns = {{1, "host"}, {2, "blue"}};
  kernel.proc_files = {{"net/snmp", "all"}};
  kernel.netns_files["blue"]["net/snmp"] = "blue's";
  OneScrape scrape(kernel);
  const auto& blue = scrape.snapshot.namespaces()[1];

  for (int i = 0; i < 3; ++i) {
    CHECK(*scrape.snapshot.proc(scrape.snapshot.host(), "net/snmp") == "all");
    CHECK(*scrape.snapshot.proc(blue, "net/snmp") == "blue's");
    CHECK_FALSE(scrape.snapshot.proc(blue, "net/none"));
  }

  CHECK(kernel.files_read ==
        std::vector<std::string>{"host:net/snmp", "blue:net/snmp", "blue:net/none"});
}

TEST_CASE("a text stays where it is while more are read", "[snapshot]") {
  FakeKernel kernel;
  kernel.proc_files = {{"a", "first"}, {"b", "second"}};
  OneScrape scrape(kernel);
  const auto& first = scrape.snapshot.proc(scrape.snapshot.host(), "a");
  const char* const where = first->data();
  scrape.snapshot.proc(scrape.snapshot.host(), "b");
  CHECK(first->data() == where);
  CHECK(*first == "first");
}

TEST_CASE("a sysctl is one number", "[snapshot]") {
  FakeKernel kernel;
  kernel.proc_files = {{"sys/good", "-5\n"}, {"sys/two", "1\t2\n"}, {"sys/empty", "\n"}};
  OneScrape scrape(kernel);
  const NetNs& host = scrape.snapshot.host();

  CHECK(*scrape.snapshot.sysctl(host, "sys/good") == -5);
  CHECK(scrape.snapshot.sysctl(host, "sys/two").error().kind == Error::Kind::malformed);
  CHECK(scrape.snapshot.sysctl(host, "sys/empty").error().kind == Error::Kind::malformed);
  CHECK(scrape.snapshot.sysctl(host, "sys/none").error().kind == Error::Kind::unavailable);
}

TEST_CASE("a namespace has the name that the snapshot gives it", "[snapshot]") {
  FakeKernel kernel;
  kernel.netns = {{1, "host"}, {2, "blue"}};
  OneScrape scrape(kernel);
  CHECK(scrape.snapshot.name_of(2) == "blue");
  CHECK(scrape.snapshot.name_of(3) == "unknown");
}
