#include "exporter/scrape/scraper.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "exporter/scrape/process_metrics.h"
#include "exporter/version.h"

namespace socket_exporter {
namespace {

using Clock = std::chrono::steady_clock;

constexpr Metric kBuildInfo{Type::Gauge,
                            "socket_exporter_build_info",
                            "Always 1; the labels say which build runs.",
                            "version",
                            "revision",
                            "branch",
                            "compiler"};
constexpr Metric kSuccess{Type::Gauge, "socket_exporter_collector_success",
                          "Whether the collector's metrics are in this scrape.", "collector"};
constexpr Metric kDuration{Type::Gauge, "socket_exporter_collector_duration_seconds",
                           "Time the collector took; the kernel's part of the scan is not in it.",
                           "collector"};
constexpr Metric kErrors{Type::Counter, "socket_exporter_collector_errors_total",
                         "Scrapes that the collector failed in, by kind of error; unavailable "
                         "is what this host does not offer.",
                         "collector", "kind"};
constexpr Metric kFeature{Type::Gauge,
                          "socket_exporter_feature_info",
                          "Always 1; what this host offers, and why not more.",
                          "feature",
                          "state",
                          "reason"};
constexpr Metric kScanSockets{
    Type::Gauge, "socket_exporter_scan_sockets",
    "Sockets that the scan of this scrape met; absent without a whole scan."};
constexpr Metric kScanDuration{Type::Gauge, "socket_exporter_scan_duration_seconds",
                               "Time of that scan, with what collectors did during it."};
constexpr Metric kScans{Type::Counter, "socket_exporter_scans_total",
                        "Passes of scrapes over the kernel's sockets, interrupted ones too."};
constexpr Metric kInterrupted{Type::Counter, "socket_exporter_scans_interrupted_total",
                              "Passes that the kernel said were inconsistent; each was repeated."};
constexpr Metric kOverflow{Type::Counter, "socket_exporter_label_overflow_total",
                           "What a metric's limit left out, summed over scrapes: label sets, and "
                           "beyond 65,536 of them sockets.",
                           "metric"};
constexpr Metric kMissedEvents{
    Type::Counter, "socket_exporter_bpf_missed_events_total",
    "Events that an eBPF program did not count: one came during another, or a table was full.",
    "program"};
constexpr Metric kRestarts{Type::Counter, "socket_exporter_scan_chain_restarts_total",
                           "Chains of the kernel's tables that were read anew, since they changed "
                           "while they were read: nothing is lost or counted twice by it."};
constexpr Metric kUnreadPorts{Type::Gauge, "socket_exporter_scan_ports_unread",
                              "TCP ports with over 8,192 sockets: those among the rest that only "
                              "called bind() are not counted; absent without a whole scan."};
constexpr Metric kNamespaces{Type::Gauge, "socket_exporter_network_namespaces",
                             "Network namespaces that were found."};
constexpr MetricInfo kExporterMetrics[] = {
    kBuildInfo, kSuccess,     kDuration, kErrors,      kFeature,    kScanSockets, kScanDuration,
    kScans,     kInterrupted, kRestarts, kUnreadPorts, kNamespaces, kOverflow,    kMissedEvents};

constexpr Error::Kind kErrorKinds[] = {Error::Kind::unavailable, Error::Kind::denied,
                                       Error::Kind::malformed, Error::Kind::timeout,
                                       Error::Kind::io};

/// Answers may come a little after their deadline: the last collector has to finish.
constexpr std::chrono::milliseconds kGrace{250};

/// A kernel under load may interrupt a pass; three in a row is a failure.
constexpr int kScanTries = 3;

/// Tasks that may wait: each is a whole look at the host, and scrapes wait behind it.
constexpr std::ptrdiff_t kTasksAtOnce = 4;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Exceptions end here: one collector that throws costs its own section, nothing more.
template <typename Step>
Result<> guarded(const Step& step) {
  try {
    return step();
  } catch (const std::exception& e) {
    return Error{Error::Kind::io, e.what()};
  }
}

}  // namespace

std::span<const MetricInfo> exporter_metrics() {
  return kExporterMetrics;
}

/// A collector at work and how it fares.
struct Scraper::Running {
  const CollectorEntry* entry;
  std::unique_ptr<Collector> collector;
  Result<> status;
  double seconds = 0;

  // Keeps the first error; the steps after it are skipped.
  template <typename Step>
  void run(const Step& step) {
    if (!status) return;
    const auto start = Clock::now();
    status = guarded(step);
    seconds += seconds_since(start);
  }

  void begin(Snapshot& snapshot) {
    status = {};
    run([&]() -> Result<> {
      collector = entry->make();
      return collector->prepare(snapshot);
    });
  }

  void see(std::span<const Socket> sockets) {
    run([&]() -> Result<> {
      collector->see(sockets);
      return {};
    });
  }

  void choose(Snapshot& snapshot) {
    run([&]() -> Result<> {
      collector->choose(snapshot);
      return {};
    });
  }

  Section finish(Snapshot& snapshot) {
    Families families;
    run([&]() -> Result<> {
      if (Clock::now() < snapshot.deadline()) return collector->emit(snapshot, families);
      return Error{Error::Kind::timeout, "deadline passed before this collector"};
    });
    Section section{entry->name, {}, seconds, status};
    if (status) section.families = std::move(families).take();
    return section;
  }
};

Scraper::Scraper(Kernel& kernel, const CollectorOptions& options, const Logger& logger)
    : kernel_(kernel),
      logger_(logger),
      options_(options),
      services_(std::make_shared<const ServiceMap>()),
      worker_([this] { run(); }) {}

Scraper::~Scraper() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  asked_.notify_one();
}

void Scraper::set_services(std::shared_ptr<const ServiceMap> services) {
  const std::lock_guard lock(mutex_);
  services_ = std::move(services);
}

void Scraper::set_websocket(WebsocketSettings websocket) {
  const std::lock_guard lock(mutex_);
  websocket_ = std::move(websocket);
}

std::shared_ptr<const Scrape> Scraper::scrape(const Selection& selection, Deadline deadline) {
  std::unique_lock lock(mutex_);
  const auto same = std::find_if(jobs_.begin(), jobs_.end(), [&](const auto& job) {
    return !job->task && job->selection == selection;
  });
  const auto job =
      same != jobs_.end()
          ? *same
          : jobs_.emplace_back(std::make_shared<Job>(Job{selection, {}, deadline, nullptr, {}}));
  job->deadline = std::max(job->deadline, deadline);  // counts until the gathering starts
  announce(lock);
  answered_.wait_until(lock, deadline + kGrace, [&] { return job->result != nullptr; });
  return job->result;
}

Result<> Scraper::run_task(Task task, Deadline deadline) {
  std::unique_lock lock(mutex_);
  const auto is_task = [](const auto& other) { return static_cast<bool>(other->task); };
  if (std::count_if(jobs_.begin(), jobs_.end(), is_task) >= kTasksAtOnce) {
    return Error{Error::Kind::timeout, "too many checks at once; try again later"};
  }
  const auto job =
      jobs_.emplace_back(std::make_shared<Job>(Job{{}, std::move(task), deadline, nullptr, {}}));
  announce(lock);
  answered_.wait_until(lock, deadline + kGrace, [&] { return job->task_result.has_value(); });
  if (job->task_result) return *job->task_result;
  return Error{Error::Kind::timeout, "the gather thread did not get to it in time"};
}

// Unlocked, so that the gather thread does not wake up only to wait for the lock.
void Scraper::announce(std::unique_lock<std::mutex>& lock) {
  lock.unlock();
  asked_.notify_one();
  lock.lock();
}

void Scraper::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    asked_.wait(lock, [&] { return stopping_ || !jobs_.empty(); });
    if (jobs_.empty()) return;
    const auto job = jobs_.front();
    const Deadline deadline = job->deadline;
    const auto services = services_;
    auto websocket = std::exchange(websocket_, std::nullopt);
    lock.unlock();
    auto result = std::make_shared<Scrape>();
    const Result<> done = guarded([&]() -> Result<> {
      if (websocket) put_in_force(std::move(*websocket));
      if (job->task) return perform(job->task, deadline, *services);
      *result = gather(job->selection, deadline, *services);
      return {};
    });
    if (!done && !job->task) logger_.error("scrape failed", {{"err", done.error().what}});
    lock.lock();
    job->result = std::move(result);
    job->task_result = done;
    jobs_.pop_front();
    lock.unlock();
    answered_.notify_all();
    lock.lock();
  }
}

void Scraper::put_in_force(WebsocketSettings websocket) {
  options_.websocket = std::move(websocket);
  kernel_.follow_websockets(options_.websocket.ports);
}

Result<> Scraper::perform(const Task& task, Deadline deadline, const ServiceMap& services) {
  if (Clock::now() >= deadline) return Error{Error::Kind::timeout, "nobody waits for it any more"};
  auto namespaces = all_namespaces();
  if (!namespaces) return namespaces.error();
  Snapshot snapshot(kernel_, std::move(*namespaces), deadline, options_, services, history_);
  task(kernel_, snapshot);
  return {};
}

Result<std::vector<NetNs>> Scraper::all_namespaces() {
  auto namespaces = kernel_.namespaces();
  if (namespaces) history_.forget_gone(*namespaces);
  return namespaces;
}

Result<std::vector<NetNs>> Scraper::just_the_host() {
  auto host = kernel_.own_namespace();
  if (!host) return host.error();
  return std::vector{std::move(*host)};
}

Scrape Scraper::gather(const Selection& selection, Deadline deadline, const ServiceMap& services) {
  const bool only_host = std::all_of(selection.begin(), selection.end(), [](const auto* entry) {
    return entry->node_compat;  // node_exporter's names are the host's
  });
  auto namespaces = only_host ? just_the_host() : all_namespaces();
  Scrape scrape;
  if (!namespaces) {
    for (const CollectorEntry* entry : selection) {
      scrape.push_back({entry->name, {}, 0, namespaces.error()});
    }
    scrape.push_back(about_itself(scrape, std::nullopt));
    return scrape;
  }

  Snapshot snapshot(kernel_, std::move(*namespaces), deadline, options_, services, history_);
  std::vector<Running> running;
  for (const CollectorEntry* entry : selection) running.push_back({entry, nullptr, {}, 0});
  const auto scanned = scan(running, snapshot);
  for (Running& one : running) one.choose(snapshot);
  for (Running& one : running) scrape.push_back(one.finish(snapshot));
  if (options_.process_metrics) {
    const auto start = Clock::now();
    Families process;
    auto status = guarded([&] { return add_process_metrics(snapshot, kernel_, process); });
    scrape.push_back(
        {kProcessSection, std::move(process).take(), seconds_since(start), std::move(status)});
  }
  if (!only_host) found_namespaces_ = snapshot.scanned_namespaces().size();
  scrape.push_back(about_itself(scrape, scanned));
  return scrape;
}

std::optional<Scraper::Scan> Scraper::scan(std::vector<Running>& running, Snapshot& snapshot) {
  const auto start = Clock::now();
  for (Running& one : running) one.begin(snapshot);
  std::vector<Running*> watchers;
  for (Running& one : running) {
    if (one.entry->needs_sockets && one.status) watchers.push_back(&one);
  }
  if (watchers.empty()) return std::nullopt;

  const auto stats = scan_until_whole(watchers, snapshot);
  if (stats) {
    snapshot.leave_out(stats->unread);
    return Scan{stats->sockets, stats->unread_ports, seconds_since(start)};
  }
  for (Running* watcher : watchers) watcher->status = stats.error();
  return std::nullopt;
}

// An interrupted pass is begun anew with new collectors, so that nothing counts twice.
Result<ScanStats> Scraper::scan_until_whole(const std::vector<Running*>& watchers,
                                            Snapshot& snapshot) {
  ScanStats stats;
  for (int tries = 1;; ++tries) {
    const Result<> pass = guarded([&] { return pass_over_sockets(watchers, snapshot, stats); });
    if (!pass) return pass.error();
    if (!stats.interrupted) return stats;
    if (tries == kScanTries) {
      return Error{Error::Kind::io, "the socket table changed during each scan"};
    }
    for (Running* watcher : watchers) watcher->begin(snapshot);
  }
}

Result<> Scraper::pass_over_sockets(const std::vector<Running*>& watchers, Snapshot& snapshot,
                                    ScanStats& stats) {
  ++scans_;
  const bool bound = std::any_of(watchers.begin(), watchers.end(), [](const Running* watcher) {
    return watcher->entry->needs_bound_sockets;
  });
  const auto see = [&](std::span<const Socket> sockets) {
    for (Running* watcher : watchers) watcher->see(sockets);
  };
  const auto scanned =
      kernel_.scan_sockets(snapshot.scanned_namespaces(),
                           bound ? Detail::counts : Detail::connections, snapshot.deadline(), see);
  if (!scanned) return scanned.error();
  stats = *scanned;
  chain_restarts_ += stats.restarts;
  if (stats.interrupted) ++interrupted_scans_;
  return {};
}

void Scraper::note_failure(std::string_view collector, const Error& error) {
  ++errors_[{collector, error.kind}];
  logger_.log(error.kind == Error::Kind::unavailable ? LogLevel::debug : LogLevel::warn,
              "collector failed",
              {{"collector", std::string(collector)},
               {"kind", std::string(to_string(error.kind))},
               {"err", error.what}});
}

// Those of the start are in its log already.
void Scraper::note_features(std::vector<Feature> features) {
  for (std::size_t i = 0; i < features_.size() && i < features.size(); ++i) {
    const Feature& now = features[i];
    if (now == features_[i]) continue;
    logger_.warn("feature changed",
                 {{"feature", now.name}, {"state", now.on ? "on" : "off"}, {"reason", now.reason}});
  }
  features_ = std::move(features);
}

Section Scraper::about_itself(const Scrape& scrape, const std::optional<Scan>& scan) {
  Families out;
  out.add(kBuildInfo, 1, kVersion, kRevision, kBranch, kCompiler);
  for (const Section& section : scrape) {
    out.add(kSuccess, section.status ? 1 : 0, section.collector);
    out.add(kDuration, section.seconds, section.collector);
    for (const Error::Kind kind : kErrorKinds) errors_.try_emplace({section.collector, kind});
    if (!section.status) note_failure(section.collector, section.status.error());
  }
  for (const auto& [key, count] : errors_) {
    out.add(kErrors, count, key.first, to_string(key.second));
  }
  note_features(kernel_.features());
  for (const Feature& feature : features_) {
    out.add(kFeature, 1, feature.name, feature.on ? "on" : "off", feature.reason);
  }
  if (scan) {
    out.add(kScanSockets, scan->sockets);
    out.add(kScanDuration, scan->seconds);
    out.add(kUnreadPorts, scan->unread_ports);
  }
  out.add(kScans, scans_);
  out.add(kInterrupted, interrupted_scans_);
  out.add(kRestarts, chain_restarts_);
  if (found_namespaces_ != 0) out.add(kNamespaces, found_namespaces_);
  for (const auto& [metric, count] : history_.overflow) out.add(kOverflow, count, metric);
  for (const auto& [program, count] : history_.missed_events)
    out.add(kMissedEvents, count, program);
  return {kExporterSection, std::move(out).take(), 0, {}};
}

}  // namespace socket_exporter
