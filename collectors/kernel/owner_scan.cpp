#include "collectors/kernel/owner_scan.h"

#include <unistd.h>

#include <array>
#include <ctime>
#include <string_view>
#include <utility>

#include "collectors/kernel/owner_walk.h"

namespace socket_exporter {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::milliseconds kDear{10};
constexpr std::chrono::seconds kRareLook{60};

std::chrono::nanoseconds cpu_time() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

// The walk sees the processes of our own pid namespace; a procfs of the host, mounted into a
// container, has others.
bool shows_own_processes(const std::string& procfs_root) {
  std::array<char, 32> target{};
  const auto length = ::readlink((procfs_root + "/self").c_str(), target.data(), target.size());
  return length > 0 && std::string_view(target.data(), static_cast<std::size_t>(length)) ==
                           std::to_string(::getpid());
}

}  // namespace

bool is_outdated(std::chrono::nanoseconds cost, std::chrono::nanoseconds age) {
  return cost < kDear || age >= kRareLook;
}

OwnerScan::OwnerScan(std::string procfs_root, WorkloadOf workload_of)
    : root_(std::move(procfs_root)), workload_of_(std::move(workload_of)) {
  constexpr std::string_view kInstead = "; reading /proc/*/fd instead";
  if (!shows_own_processes(root_)) {
    feature_.reason = root_ + " is of another pid namespace" + std::string(kInstead);
    return;
  }
  auto opened = ProcessWalk::open();
  feature_.on = static_cast<bool>(opened);
  if (opened) {
    walk_ = std::move(*opened);
  } else {
    feature_.reason = opened.error().what + std::string(kInstead);
  }
}

const Result<Owners>& OwnerScan::for_scrape(const DestinationSet& wanted, Deadline deadline) {
  const bool is_good = last_ && *last_;
  if (is_good && !is_outdated(cost_, steady_clock::now() - looked_)) return *last_;
  const auto before = cpu_time();
  last_ = look(Inodes::needed, wanted, deadline);
  looked_ = steady_clock::now();
  cost_ = cpu_time() - before;
  return *last_;
}

Result<Owners> OwnerScan::with_inodes(Deadline deadline) {
  return look(Inodes::all, {}, deadline);
}

void OwnerScan::forget(const std::set<std::uint32_t>& netns) {
  if (last_ && *last_) (*last_)->forget(netns);
}

// Only a passed deadline is an error of the look alone; any other ends the use of the walk.
Result<Owners> OwnerScan::look(Inodes inodes, const DestinationSet& wanted, Deadline deadline) {
  if (!walk_) return read_owners(root_, workload_of_, deadline);
  auto walked = walk_->walk(inodes, wanted, workload_of_, deadline);
  if (!walked && walked.error().kind != Error::Kind::timeout) {
    walk_.reset();
    feature_.on = false;
    feature_.reason = walked.error().what + "; reading /proc/*/fd instead";
  }
  return walked;
}

}  // namespace socket_exporter
