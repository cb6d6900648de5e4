#include "collectors/kernel/pod_logs.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "collectors/kernel/cgroup_path.h"

namespace socket_exporter {
namespace {

constexpr std::chrono::seconds kTimeApart{5};

bool is_dns_name(std::string_view word) {
  return !word.empty() &&
         word.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-.") == std::string_view::npos;
}

}  // namespace

// "kube-system_coredns-76f75df574-2xk9p_1f0a2b3c-4d5e-6f70-8192-a3b4c5d6e7f8"
std::optional<PodLogDirectory> parse_pod_log_directory(std::string_view name) {
  const auto first = name.find('_');
  const auto last = name.rfind('_');
  if (first == std::string_view::npos || first == last) return std::nullopt;
  const std::string_view pod_namespace = name.substr(0, first);
  const std::string_view pod = name.substr(first + 1, last - first - 1);
  const std::string_view uid = name.substr(last + 1);
  if (!is_dns_name(pod_namespace) || !is_dns_name(pod) || !is_pod_uid(uid)) return std::nullopt;
  return PodLogDirectory{std::string(uid), {std::string(pod_namespace), std::string(pod)}};
}

const PodName* PodLogs::name_of(std::string_view uid, Time now) {
  auto known = names_.find(uid);
  if (known == names_.end() && (!read_at_ || now - *read_at_ >= kTimeApart)) {
    read_at_ = now;
    read();
    known = names_.find(uid);
  }
  return known == names_.end() ? nullptr : &known->second;
}

// What cannot be read names no pod: a host without Kubernetes has no such directory.
void PodLogs::read() {
  names_.clear();
  std::error_code error;
  for (std::filesystem::directory_iterator entry(path_, error), end; !error && entry != end;
       entry.increment(error)) {
    auto parsed = parse_pod_log_directory(entry->path().filename().native());
    if (parsed) names_.insert_or_assign(std::move(parsed->uid), std::move(parsed->name));
  }
}

}  // namespace socket_exporter
