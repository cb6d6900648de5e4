#include <utility>

#include "collectors/kernel/linux_kernel.h"
#include "collectors/kernel/netns_walk.h"

namespace socket_exporter {
namespace {

template <typename T>
Feature feature_of(std::string name, const Result<T>& started) {
  return {std::move(name), static_cast<bool>(started), started ? "" : started.error().what};
}

}  // namespace

void LinuxKernel::follow_connects(bool with_responses) {
  auto started = ConnectTracker::start(paths_.procfs, with_responses);
  connect_features_.push_back(feature_of("connect_tracking", started));
  if (!started) {
    for (const char* depends : {"response_times", "port_search_tracking"}) {
      connect_features_.push_back({depends, false, "connections are not followed"});
    }
    return;
  }
  connect_features_.push_back(feature_of("response_times", started->times_responses()));
  connects_ = std::move(*started);
  shows_first_pids_ = is_of_first_pids(paths_.procfs);
  searches_.emplace();
}

Result<ConnectCounts> LinuxKernel::connects() {
  if (!connects_) {
    return Error{Error::Kind::unavailable, !connect_features_.empty()
                                               ? connect_features_.front().reason
                                               : "connections are not followed"};
  }
  auto counts = connects_->read();
  if (!counts) return Error{Error::Kind::io, counts.error().what};
  if (const auto read = searches_->read_into(*counts); !read) return read.error();
  if (shows_first_pids_) return counts;
  for (ConnectRecord& record : counts->connects) record.pid = 0;
  return counts;
}

ConnectCounts LinuxKernel::forget_connects(const IdleConnects& idle) {
  return connects_ ? connects_->forget(idle) : ConnectCounts{};
}

Result<BindCounts> LinuxKernel::binds() {
  if (!binds_) return Error{Error::Kind::unavailable, "bind() is not followed"};
  return binds_->read();
}

std::vector<BindRecord> LinuxKernel::forget_binds(std::span<const BindKey> idle) {
  return binds_ ? binds_->forget(idle) : std::vector<BindRecord>{};
}

Workload LinuxKernel::connect_workload(std::uint32_t pid, std::uint64_t cgroup) {
  return pid != 0 ? workloads_.of(pid, cgroup) : Workload{};
}

}  // namespace socket_exporter
