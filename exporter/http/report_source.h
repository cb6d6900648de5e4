#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "exporter/diagnosis/report.h"
#include "exporter/http/check_routes.h"

namespace socket_exporter {

/// Makes reports of all namespaces on the gather thread, as often as they are asked for but no more
/// often than once a second, and never so often that they take over a twentieth of the time. Any
/// thread.
class ReportSource {
 public:
  ReportSource(Scraper& scraper, ThresholdSource thresholds);
  ~ReportSource();

  /// The newest, which a failure also is. While one is being made it waits for that, but no longer
  /// than a second where there is one of the last minute to give instead.
  Result<std::shared_ptr<const Reports>> latest();

  /// Inode of the namespace of that name, or of a process's number; the error says which there are.
  Result<std::uint32_t> find_namespace(const std::string& wanted);

 private:
  struct Memory;
  struct Made;
  class Making;

  Result<std::shared_ptr<const Reports>> wait_for_next(std::unique_lock<std::mutex>& lock);
  Result<> make(const std::shared_ptr<Made>& made);

  Scraper& scraper_;
  ThresholdSource thresholds_;
  std::shared_ptr<Memory> memory_;  ///< the gather thread's, which may outlive this

  std::mutex mutex_;              ///< never held while reports are made
  std::condition_variable made_;  ///< those who ask meanwhile wait for it
  bool is_making_ = false;        ///< guarded by mutex_, as what follows
  Result<std::shared_ptr<const Reports>> last_;
  std::chrono::steady_clock::time_point fresh_until_ = std::chrono::steady_clock::time_point::min();
};

}  // namespace socket_exporter
