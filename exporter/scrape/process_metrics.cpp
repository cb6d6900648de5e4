#include "exporter/scrape/process_metrics.h"

#include "collectors/kernel/process.h"
#include "collectors/kernel/units.h"

namespace socket_exporter {
namespace {

constexpr Metric kCpu{Type::Counter, "process_cpu_seconds_total",
                      "CPU time that the exporter spent, user and system."};
constexpr Metric kOpenFds{Type::Gauge, "process_open_fds", "Open file descriptors."};
constexpr Metric kMaxFds{Type::Gauge, "process_max_fds", "Limit of open file descriptors."};
constexpr Metric kVirtual{Type::Gauge, "process_virtual_memory_bytes", "Size of virtual memory."};
constexpr Metric kVirtualMax{Type::Gauge, "process_virtual_memory_max_bytes",
                             "Limit of virtual memory; 2^64-1 where there is none."};
constexpr Metric kResident{Type::Gauge, "process_resident_memory_bytes",
                           "Size of memory that is in RAM."};
constexpr Metric kStart{Type::Gauge, "process_start_time_seconds",
                        "When the process started, in seconds since 1970."};
constexpr MetricInfo kMetrics[] = {kCpu,        kOpenFds,  kMaxFds, kVirtual,
                                   kVirtualMax, kResident, kStart};

template <typename T>
Result<T> read(Snapshot& snapshot, std::string_view path, Result<T> (*parse)(std::string_view)) {
  const auto& text = snapshot.proc(snapshot.host(), path);
  if (!text) return text.error();
  return parse(*text);
}

double seconds(std::uint64_t ticks) {
  return static_cast<double>(ticks) / static_cast<double>(ticks_per_second());
}

}  // namespace

Result<> add_process_metrics(Snapshot& snapshot, Kernel& kernel, Families& out) {
  const auto stat = read(snapshot, "self/stat", parse_process_stat);
  if (!stat) return stat.error();
  const auto limits = read(snapshot, "self/limits", parse_process_limits);
  if (!limits) return limits.error();
  auto& boot_time = snapshot.history().boot_time;
  if (!boot_time) {
    const auto read_time = read(snapshot, "stat", parse_boot_time);
    if (!read_time) return read_time.error();
    boot_time = *read_time;
  }
  const auto open_fds = kernel.count_proc_entries("self/fd");
  if (!open_fds) return open_fds.error();

  out.add(kCpu, seconds(stat->user_time + stat->system_time));
  out.add(kOpenFds, *open_fds);
  if (limits->open_files) out.add(kMaxFds, *limits->open_files);
  out.add(kVirtual, stat->virtual_bytes);
  if (limits->address_space_bytes) out.add(kVirtualMax, *limits->address_space_bytes);
  out.add(kResident, static_cast<double>(stat->resident_pages) * static_cast<double>(page_size()));
  out.add(kStart, static_cast<double>(*boot_time) + seconds(stat->start_time));
  return {};
}

std::span<const MetricInfo> process_metrics() {
  return kMetrics;
}

}  // namespace socket_exporter
