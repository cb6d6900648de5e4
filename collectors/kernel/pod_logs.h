#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "collectors/base/result.h"

namespace socket_exporter {

/// What Kubernetes calls a pod.
struct PodName {
  std::string pod_namespace;
  std::string pod;
  bool operator==(const PodName&) const = default;
};

/// A directory that the kubelet made for the logs of a pod.
struct PodLogDirectory {
  std::string uid;
  PodName name;
};

/// Nothing when the name is not "<namespace>_<pod>_<uid>".
std::optional<PodLogDirectory> parse_pod_log_directory(std::string_view name);

/// Names pods by their uid, as /var/log/pods has them. Gather thread only.
class PodLogs {
 public:
  using Time = std::chrono::steady_clock::time_point;

  explicit PodLogs(std::string path) : path_(std::move(path)) {}

  /// Null when there is none. An unknown uid has the directory read anew, but not all the time.
  const PodName* name_of(std::string_view uid, Time now);

 private:
  void read();

  std::string path_;
  std::optional<Time> read_at_;
  std::map<std::string, PodName, std::less<>> names_;
};

}  // namespace socket_exporter
