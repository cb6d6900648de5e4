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
/// When reports are made slowly: how long one waits for the next, and how long the last will do.
constexpr std::chrono::seconds kPatience{1};
constexpr std::chrono::seconds kLate{60};
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

/// Unlocked for as long as it lives: one makes reports, others may ask.
class ReportSource::Making {
 public:
  Making(ReportSource& source, std::unique_lock<std::mutex>& lock) : source_(source), lock_(lock) {
    source_.is_making_ = true;
    lock_.unlock();
  }
  ~Making() {
    lock_.lock();
    source_.is_making_ = false;
    source_.made_.notify_all();
  }
  Making(const Making&) = delete;
  Making& operator=(const Making&) = delete;

 private:
  ReportSource& source_;
  std::unique_lock<std::mutex>& lock_;
};

Result<std::shared_ptr<const Reports>> ReportSource::latest() {
  std::unique_lock lock(mutex_);
  if (is_making_) return wait_for_next(lock);
  if (Clock::now() < fresh_until_) return last_;
  const auto made = std::make_shared<Made>();
  const auto done = [&] {
    const Making making(*this, lock);
    return make(made);
  }();
  last_ = done ? Result(std::shared_ptr<const Reports>(made, &made->reports)) : done.error();
  const auto rest = done ? kRest * made->cost : Clock::duration::zero();
  fresh_until_ = Clock::now() + std::max<Clock::duration>(kFresh, rest);
  return last_;
}

Result<std::shared_ptr<const Reports>> ReportSource::wait_for_next(
    std::unique_lock<std::mutex>& lock) {
  const bool can_do_without = Clock::now() < fresh_until_ + kLate;
  const bool is_made = made_.wait_for(lock, can_do_without ? kPatience : kReportTime,
                                      [this] { return !is_making_; });
  if (is_made || can_do_without) return last_;
  return Error{Error::Kind::timeout, "the report that is being made takes too long"};
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
