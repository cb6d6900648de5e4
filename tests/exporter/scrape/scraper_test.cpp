#include "exporter/scrape/scraper.h"

#include <prometheus/text_serializer.h>

#include <catch2/catch.hpp>
#include <new>

#include "tests/captured_stderr.h"
#include "tests/exposition.h"
#include "tests/fake_kernel.h"

using namespace socket_exporter;
using namespace std::chrono_literals;

namespace {

Deadline in(std::chrono::milliseconds time) {
  return std::chrono::steady_clock::now() + time;
}

Scraper::Selection select(std::initializer_list<std::string_view> names) {
  Scraper::Selection selection;
  for (const CollectorEntry* entry : all_collectors()) {
    if (std::find(names.begin(), names.end(), entry->name) != names.end()) {
      selection.push_back(entry);
    }
  }
  REQUIRE(selection.size() == names.size());
  return selection;
}

const CollectorOptions& options() {
  static const CollectorOptions kOptions{.netstat_fields =
                                             *FieldFilter::compile(kDefaultNetstatFields)};
  return kOptions;
}

const Logger& quiet() {
  static const Logger kQuiet(LogLevel::error, LogFormat::logfmt);
  return kQuiet;
}

std::string text_of(const Scrape& scrape) {
  std::string text;
  for (const Section& section : scrape) {
    text += prometheus::TextSerializer().Serialize(section.families);
  }
  return text;
}

const Section& section_of(const Scrape& scrape, std::string_view name) {
  const auto it = std::find_if(scrape.begin(), scrape.end(),
                               [&](const Section& s) { return s.collector == name; });
  REQUIRE(it != scrape.end());
  return *it;
}

}  // namespace

TEST_CASE("overlapping scrapes share one scan", "[scraper]") {
  FakeKernel kernel;
  Gate gate;
  kernel.gate = &gate;
  Scraper scraper(kernel, options(), quiet());
  const Scraper::Selection selection = select({"tcp_states"});  // Catch is for one thread
  std::atomic<int> answered{0};
  const auto ask = [&](std::chrono::milliseconds patience) {
    return std::jthread([&, patience] {
      if (scraper.scrape(selection, in(patience))) ++answered;
    });
  };

  // All of them ask while the first scan hangs, and leave at their own deadline.
  std::vector<std::jthread> askers;
  askers.reserve(40);
  for (int i = 0; i < 40; ++i) askers.push_back(ask(20ms));
  askers.clear();
  CHECK(answered == 0);
  CHECK(kernel.scans == 1);

  for (int i = 0; i < 40; ++i) askers.push_back(ask(30s));
  gate.open();
  askers.clear();
  CHECK(answered == 40);
}

TEST_CASE("new ports of WebSockets are for the next scrape", "[scraper]") {
  FakeKernel kernel;
  Scraper scraper(kernel, options(), quiet());
  scraper.set_websocket({.ports = {.server = {8003}}, .limits = {{8003, 10}}});
  const auto scrape = scraper.scrape(select({"websockets"}), in(30s));
  REQUIRE(scrape);
  CHECK(kernel.followed == std::vector<WebsocketPorts>{{.server = {8003}}});
  const auto& families = scrape->front().families;
  CHECK(std::any_of(families.begin(), families.end(),
                    [](const auto& f) { return f.name == "websocket_connections_limit"; }));
  scraper.scrape(select({"websockets"}), in(30s));
  CHECK(kernel.followed.size() == 1);
}

TEST_CASE("a failed scan costs the socket collectors only", "[scraper]") {
  FakeKernel kernel;
  kernel.proc_files = {
      {"net/sockstat", "sockets: used 5\nTCP: inuse 2 orphan 0 tw 1 alloc 2 mem 1\n"}};
  kernel.scan_error = Error{Error::Kind::denied, "netlink"};
  Scraper scraper(kernel, options(), quiet());
  const auto scrape = scraper.scrape(select({"sockstat", "tcp_states"}), in(30s));
  REQUIRE(scrape);
  CHECK(section_of(*scrape, "sockstat").status);
  CHECK_FALSE(section_of(*scrape, "tcp_states").status);
  CHECK(section_of(*scrape, "tcp_states").families.empty());

  const std::string text = text_of(*scrape);
  CHECK_THAT(text, HasLine("socket_exporter_collector_success{collector=\"sockstat\"} 1"));
  CHECK_THAT(text, HasLine("socket_exporter_collector_success{collector=\"tcp_states\"} 0"));
  CHECK_THAT(text, HasLine("socket_exporter_collector_errors_total{collector=\"tcp_states\","
                           "kind=\"denied\"} 1"));
}

TEST_CASE("a collector that fails leaves the others alone", "[scraper]") {
  FakeKernel kernel;
  kernel.proc_errors.insert({"net/sockstat", Error{Error::Kind::denied, "net/sockstat"}});
  Scraper scraper(kernel, options(), quiet());
  const auto scrape = scraper.scrape(select({"sockstat", "tcp_states"}), in(30s));
  REQUIRE(scrape);
  CHECK(section_of(*scrape, "sockstat").status.error().kind == Error::Kind::denied);
  CHECK(section_of(*scrape, "tcp_states").status);
}

TEST_CASE("an exception in the kernel is an error of the socket collectors", "[scraper]") {
  struct Throwing final : FakeKernel {
    Result<ScanStats> scan_sockets(std::span<const NetNs>, Detail, Deadline,
                                   const SocketSink&) override {
      throw std::bad_alloc();
    }
  } kernel;
  Scraper scraper(kernel, options(), quiet());
  const auto scrape = scraper.scrape(select({"tcp_states"}), in(30s));
  REQUIRE(scrape);
  CHECK(section_of(*scrape, "tcp_states").status.error().kind == Error::Kind::io);
}

TEST_CASE("of a namespace that may not be looked into nothing is shown", "[scraper]") {
  FakeKernel kernel;
  kernel.netns.push_back({2, "blue"});
  kernel.unread = {2};
  Scraper scraper(kernel, options(), quiet());
  const auto scrape = scraper.scrape(select({"netns", "tcp_states"}), in(30s));
  REQUIRE(scrape);
  const std::string text = text_of(*scrape);
  CHECK_THAT(text, Catch::Contains("netns=\"host\""));
  CHECK_THAT(text, !Catch::Contains("blue"));
  CHECK_THAT(text, HasLine("socket_exporter_network_namespaces 2"));
}

TEST_CASE("ports where not all sockets were looked at are counted", "[scraper]") {
  FakeKernel kernel;
  kernel.unread_ports = 3;
  Scraper scraper(kernel, options(), quiet());
  const auto scrape = scraper.scrape(select({"tcp_states"}), in(30s));
  REQUIRE(scrape);
  CHECK_THAT(text_of(*scrape), HasLine("socket_exporter_scan_ports_unread 3"));
}

TEST_CASE("an interrupted scan is repeated and counts nothing twice", "[scraper]") {
  FakeKernel kernel;
  kernel.sockets = {{.netns = 1, .state = TcpState::time_wait}};
  kernel.interrupted_scans = 1;
  Scraper scraper(kernel, options(), quiet());
  const auto scrape = scraper.scrape(select({"tcp_states"}), in(30s));
  REQUIRE(scrape);
  const std::string text = text_of(*scrape);
  CHECK_THAT(text,
             HasLine("socket_tcp_sockets{netns=\"host\",family=\"ipv4\",state=\"time_wait\"} 1"));
  CHECK_THAT(text, HasLine("socket_exporter_scans_total 2"));
  CHECK_THAT(text, HasLine("socket_exporter_scans_interrupted_total 1"));
  CHECK_THAT(text, HasLine("socket_exporter_scan_sockets 1"));
}

TEST_CASE("a table that changes during every scan is an error, not a guess", "[scraper]") {
  FakeKernel kernel;
  kernel.interrupted_scans = 3;
  Scraper scraper(kernel, options(), quiet());
  const auto scrape = scraper.scrape(select({"tcp_states"}), in(30s));
  REQUIRE(scrape);
  CHECK_FALSE(section_of(*scrape, "tcp_states").status);
  CHECK(kernel.scans == 3);
}

TEST_CASE("a deadline that passed fails collectors by timeout", "[scraper]") {
  FakeKernel kernel;
  Scraper scraper(kernel, options(), quiet());
  const auto scrape = scraper.scrape(select({"udp_sockets"}), in(0ms));
  REQUIRE(scrape);
  CHECK(section_of(*scrape, "udp_sockets").status.error().kind == Error::Kind::timeout);
}

TEST_CASE("without a namespace every collector fails, and the scrape says so", "[scraper]") {
  struct Refusing final : FakeKernel {
    Result<std::vector<NetNs>> namespaces() override {
      return Error{Error::Kind::denied, "/proc/self/ns/net"};
    }
  } kernel;
  Scraper scraper(kernel, options(), quiet());
  const auto scrape = scraper.scrape(select({"tcp_states"}), in(30s));
  REQUIRE(scrape);
  CHECK_THAT(text_of(*scrape),
             HasLine("socket_exporter_collector_success{collector=\"tcp_states\"} 0"));
}

TEST_CASE("a selection without socket collectors costs no scan", "[scraper]") {
  FakeKernel kernel;
  Scraper scraper(kernel, options(), quiet());
  REQUIRE(scraper.scrape(select({"sockstat"}), in(30s)));
  CHECK(kernel.scans == 0);
}

TEST_CASE("services given later name destinations from then on", "[scraper]") {
  FakeKernel kernel;
  kernel.sockets = {{.remote = *parse_address("10.1.2.3"),
                     .netns = 1,
                     .remote_port = 443,
                     .state = TcpState::established}};
  Scraper scraper(kernel, options(), quiet());
  const auto shows_payments = [&] {
    const auto scrape = scraper.scrape(select({"destinations"}), in(30s));
    REQUIRE(scrape);
    return text_of(*scrape).find("peer_service=\"payments\"") != std::string::npos;
  };
  CHECK_FALSE(shows_payments());
  scraper.set_services(std::make_shared<const ServiceMap>(
      std::vector<ServiceMap::Rule>{{*parse_cidr("10.1.0.0/16"), 0, "payments"}}));
  CHECK(shows_payments());
}

TEST_CASE("a namespace takes over nothing from the one whose inode it got", "[scraper]") {
  const DestinationKey destination{2, *parse_address("10.1.2.3"), 443};
  FakeKernel kernel;
  kernel.netns = {{1, "host", 11}, {2, "shop/old", 12}};
  kernel.sockets = {{.remote = destination.address,
                     .netns = 2,
                     .remote_port = destination.port,
                     .state = TcpState::established}};
  Owners::Counts counts;
  counts.destinations[destination] = 0;
  kernel.owners = Owners({{10, "nginx", 5, 1024}}, {}, 0, counts);
  Scraper scraper(kernel, options(), quiet());
  const auto shows = [&](std::string_view netns, std::string_view comm) {
    const auto scrape = scraper.scrape(select({"destinations"}), in(30s));
    REQUIRE(scrape);
    return HasLine("socket_destination_sockets{netns=\"" + std::string(netns) +
                   "\",destination=\"10.1.2.3\",destination_port=\"443\",peer_service=\"\","
                   "state=\"established\",comm=\"" +
                   std::string(comm) + "\"} 1")
        .match(text_of(*scrape));
  };
  REQUIRE(shows("shop/old", "nginx"));
  kernel.owners = Owners({}, {}, 0, Owners::Counts{});
  CHECK(shows("shop/old", "nginx"));

  SECTION("a scrape of the host alone forgets nothing") {
    scraper.scrape(select({"netstat"}), in(30s));
    CHECK(shows("shop/old", "nginx"));
  }
  SECTION("the inode is used again at once") {
    kernel.netns[1] = {2, "shop/new", 13};
    CHECK(shows("shop/new", ""));
  }
  SECTION("the inode is used again later") {
    kernel.netns.pop_back();
    scraper.scrape(select({"destinations"}), in(30s));
    kernel.netns.push_back({2, "shop/new", 13});
    CHECK(shows("shop/new", ""));
  }
}

TEST_CASE("a namespace gets no place from the one whose inode it got", "[scraper]") {
  const auto to = [](std::uint32_t netns, const char* address) {
    return Socket{.remote = *parse_address(address),
                  .netns = netns,
                  .remote_port = 443,
                  .state = TcpState::established};
  };
  CollectorOptions one_shown = options();
  one_shown.top_destinations = 1;
  FakeKernel kernel;
  kernel.netns = {{1, "host", 11}, {2, "shop/old", 12}};
  kernel.sockets = {to(2, "10.1.2.3"), to(2, "10.1.2.3"), to(1, "10.0.0.1")};
  Scraper scraper(kernel, one_shown, quiet());
  const auto shows_it = [&] {
    const auto scrape = scraper.scrape(select({"destinations"}), in(30s));
    REQUIRE(scrape);
    return text_of(*scrape).find("10.1.2.3") != std::string::npos;
  };
  REQUIRE(shows_it());
  kernel.sockets = {to(2, "10.1.2.3"), to(1, "10.0.0.1"), to(1, "10.0.0.1")};
  CHECK(shows_it());
  kernel.netns[1] = {2, "shop/new", 13};
  CHECK_FALSE(shows_it());
}

TEST_CASE("missed events of all programs are one family", "[scraper]") {
  FakeKernel kernel;
  kernel.connect_counts = ConnectCounts{.missed = 7};
  kernel.bind_counts = BindCounts{.missed = 8};
  Scraper scraper(kernel, options(), quiet());
  const auto scrape = scraper.scrape(select({"connects", "binds"}), in(30s));
  REQUIRE(scrape);
  const std::string text = text_of(*scrape);
  CHECK_THAT(text, HasLine("socket_exporter_bpf_missed_events_total{program=\"connects\"} 7"));
  CHECK_THAT(text, HasLine("socket_exporter_bpf_missed_events_total{program=\"binds\"} 8"));
  const std::string_view help = "# HELP socket_exporter_bpf_missed_events_total";
  CHECK(text.find(help) == text.rfind(help));
}

TEST_CASE("features are shown with their reasons", "[scraper]") {
  FakeKernel kernel;
  kernel.feature_list = {{"tcp_diag", false, "refused"}};
  Scraper scraper(kernel, options(), quiet());
  const auto scrape = scraper.scrape(select({"sockstat"}), in(30s));
  REQUIRE(scrape);
  CHECK_THAT(text_of(*scrape), HasLine("socket_exporter_feature_info{feature=\"tcp_diag\","
                                       "state=\"off\",reason=\"refused\"} 1"));
}

TEST_CASE("a feature that fails later is logged once, and when it comes back", "[scraper]") {
  FakeKernel kernel;
  kernel.feature_list = {{"socket_walk", true, ""}};
  const Logger logger(LogLevel::warn, LogFormat::logfmt);
  CapturedStderr captured;
  Scraper scraper(kernel, options(), logger);
  const auto scrape = [&](bool on, const char* reason) {
    kernel.feature_list = {{"socket_walk", on, reason}};
    REQUIRE(scraper.scrape(select({"sockstat"}), in(30s)));
  };
  scrape(true, "");
  scrape(false, "no luck");
  scrape(false, "no luck");
  scrape(true, "");
  const std::string log = captured.text();
  CHECK(std::count(log.begin(), log.end(), '\n') == 2);
  CHECK_THAT(log, Catch::Contains("feature=socket_walk state=off reason=\"no luck\"\n"));
  CHECK_THAT(log, Catch::Contains("feature=socket_walk state=on reason=\"\"\n"));
}

TEST_CASE("a task runs on the gather thread and answers", "[scraper]") {
  FakeKernel kernel;
  Scraper scraper(kernel, options(), quiet());
  const auto host = std::make_shared<std::string>();
  REQUIRE(scraper.run_task([host](Kernel&, Snapshot& snapshot) { *host = snapshot.host().name; },
                           in(30s)));
  CHECK(*host == "host");
  const auto thrown =
      scraper.run_task([](Kernel&, Snapshot&) { throw std::runtime_error("no luck"); }, in(30s));
  REQUIRE_FALSE(thrown);
  CHECK(thrown.error().what == "no luck");
}
