#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <thread>
#include <vector>

#include "collectors/collector.h"
#include "exporter/log.h"

namespace socket_exporter {

/// The outcome of one collector in one scrape.
struct Section {
  std::string_view collector;
  std::vector<prometheus::MetricFamily> families;
  double seconds = 0;
  Result<> status;
};

/// A finished scrape: a section for each collector, then `kProcessSection` and, last, what the
/// exporter says about them all.
using Scrape = std::vector<Section>;

inline constexpr std::string_view kProcessSection = "process";
inline constexpr std::string_view kExporterSection = "exporter";

/// The metrics of kExporterSection.
std::span<const MetricInfo> exporter_metrics();

/// Runs scrapes, one at a time, on its own thread: the only thread that reads
/// the kernel on a scrape's behalf. Requests for the same selection that arrive
/// while one is queued or running share its result, so any number of Prometheus
/// servers costs one scan. A kernel call that hangs holds up this thread only.
class Scraper {
 public:
  using Selection = std::vector<const CollectorEntry*>;

  Scraper(Kernel& kernel, const CollectorOptions& options, const Logger& logger);
  ~Scraper();

  /// Thread-safe. The gathering ends at `deadline`; null when no result came in the
  /// quarter second after it.
  std::shared_ptr<const Scrape> scrape(const Selection& selection, Deadline deadline);

  /// What is no scrape but reads the kernel too, such as a check.
  using Task = std::function<void(Kernel& kernel, Snapshot& snapshot)>;

  /// Thread-safe. Runs `task` on the gather thread and waits for it; an error when it threw, had
  /// not ended at `deadline`, or too many wait already. It may then still run, so it has to own
  /// what it touches.
  Result<> run_task(Task task, Deadline deadline);

  /// Thread-safe. Destinations are named by these from the next scrape on.
  void set_services(std::shared_ptr<const ServiceMap> services);
  /// Thread-safe. These ports and limits from the next scrape on.
  void set_websocket(WebsocketSettings websocket);

 private:
  struct Job {
    Selection selection;
    Task task;  ///< instead of a scrape, if any
    Deadline deadline;
    std::shared_ptr<const Scrape> result;
    std::optional<Result<>> task_result;
  };
  struct Running;
  struct Scan {
    std::uint64_t sockets;
    std::uint64_t unread_ports;
    double seconds;
  };

  void announce(std::unique_lock<std::mutex>& lock);
  void run();
  void put_in_force(WebsocketSettings websocket);
  Result<> perform(const Task& task, Deadline deadline, const ServiceMap& services);
  Result<std::vector<NetNs>> all_namespaces();
  Result<std::vector<NetNs>> just_the_host();
  Scrape gather(const Selection& selection, Deadline deadline, const ServiceMap& services);
  std::optional<Scan> scan(std::vector<Running>& running, Snapshot& snapshot);
  Result<ScanStats> scan_until_whole(const std::vector<Running*>& watchers, Snapshot& snapshot);
  Result<> pass_over_sockets(const std::vector<Running*>& watchers, Snapshot& snapshot,
                             ScanStats& stats);
  void note_failure(std::string_view collector, const Error& error);
  void note_features(std::vector<Feature> features);
  Section about_itself(const Scrape& scrape, const std::optional<Scan>& scan);

  Kernel& kernel_;
  const Logger& logger_;

  // Gather thread only.
  CollectorOptions options_;
  History history_;
  std::map<std::pair<std::string_view, Error::Kind>, std::uint64_t> errors_;
  std::uint64_t scans_ = 0;
  std::uint64_t interrupted_scans_ = 0;
  std::uint64_t chain_restarts_ = 0;
  std::size_t found_namespaces_ = 0;
  std::vector<Feature> features_;  ///< as of the last scrape; empty before the first

  std::mutex mutex_;
  std::condition_variable asked_;               ///< the gather thread waits for it
  std::condition_variable answered_;            ///< those that asked wait for it
  std::deque<std::shared_ptr<Job>> jobs_;       ///< guarded by mutex_; front may be running
  std::shared_ptr<const ServiceMap> services_;  ///< guarded by mutex_
  std::optional<WebsocketSettings> websocket_;  ///< new ones, guarded by mutex_
  bool stopping_ = false;                       ///< guarded by mutex_
  std::jthread worker_;                         ///< last: stops before the rest goes
};

}  // namespace socket_exporter
