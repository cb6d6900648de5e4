#include "exporter/http/report_source.h"

#include <algorithm>
#include <utility>

#include "exporter/diagnosis/netns_choice.h"
#include "exporter/diagnosis/observation.h"

namespace socket_exporter {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kReportTime{10};
constexpr std::chrono::seconds kFresh{1};
/// A report may take one part in so many of the gather thread's time.
constexpr int kRest = 20;
/// Who opens connections is what changed since the last report, unless that is too long ago.
constexpr std::chrono::seconds kLongestWatch{60};

}  // namespace

/// What the last report left for the next. Gather thread only.
struct ReportSource::Memory {
  Result<ConnectCounts> connects = Inspection::not_asked();
  Clock::time_point read_at;

  /// Nothing after too long a time, or at first.
  std::optional<Result<Observation>> observe(Kernel& kernel) {
    auto now = kernel.connects();
    const auto before = std::exchange(read_at, Clock::now());
    std::optional<Result<Observation>> observed;
    if (!now) {
      observed = now.error();
    } else if (connects && read_at - before <= kLongestWatch) {
      observed = difference(*connects, *now, read_at - before,
                            [&](std::uint32_t pid, std::uint64_t cgroup) {
                              return kernel.connect_workload(pid, cgroup);
                            });
    }
    connects = std::move(now);
    return observed;
  }
};

/// What a task made, and how long it took.
struct ReportSource::Made {
  Reports reports;
  Clock::duration cost{};
};

ReportSource::ReportSource(Scraper& scraper, ThresholdSource thresholds)
    : scraper_(scraper),
      thresholds_(std::move(thresholds)),
      memory_(std::make_shared<Memory>()),
      last_(Inspection::not_asked()) {}

ReportSource::~ReportSource() = default;

Result<std::shared_ptr<const Reports>> ReportSource::latest() {
  const std::lock_guard lock(mutex_);
  if (Clock::now() < fresh_until_) return last_;
  const auto made = std::make_shared<Made>();
  const auto done = make(made);
  last_ = done ? Result(std::shared_ptr<const Reports>(made, &made->reports)) : done.error();
  const auto rest = done ? kRest * made->cost : Clock::duration::zero();
  fresh_until_ = Clock::now() + std::max<Clock::duration>(kFresh, rest);
  return last_;
}

Result<> ReportSource::make(const std::shared_ptr<Made>& made) {
  return scraper_.run_task(
      [made, memory = memory_, thresholds = thresholds_()](Kernel& kernel, Snapshot& snapshot) {
        const auto start = Clock::now();
        auto& [reports, context] = made->reports;
        context = {std::chrono::system_clock::now(), kernel.features(), thresholds};
        const auto observed = memory->observe(kernel);
        const auto all = choose_namespaces(kernel, snapshot, kAllNetns);
        reports = make_reports(kernel, snapshot, *all, thresholds, observed ? &*observed : nullptr);
        made->cost = Clock::now() - start;
      },
      Clock::now() + kReportTime);
}

Result<std::uint32_t> ReportSource::find_namespace(const std::string& wanted) {
  const auto inode = std::make_shared<Result<std::uint32_t>>(Inspection::not_asked());
  const auto done = scraper_.run_task(
      [inode, wanted](Kernel& kernel, Snapshot& snapshot) {
        const auto chosen = choose_namespaces(kernel, snapshot, wanted);
        *inode = chosen ? Result<std::uint32_t>(chosen->front().inode) : chosen.error();
      },
      Clock::now() + kReportTime);
  if (!done) return done.error();
  return *inode;
}

}  // namespace socket_exporter
