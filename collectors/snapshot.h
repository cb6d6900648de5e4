#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "collectors/history.h"
#include "collectors/kernel/kernel.h"
#include "collectors/options.h"
#include "collectors/services.h"

namespace socket_exporter {

/// What one scrape has read. Every file is read at most once, on first use, and
/// shared by all collectors of that scrape. Gather thread only.
class Snapshot {
 public:
  Snapshot(Kernel& kernel, std::vector<NetNs> namespaces, Deadline deadline,
           const CollectorOptions& options, const ServiceMap& services, History& history)
      : kernel_(kernel),
        namespaces_(std::move(namespaces)),
        deadline_(deadline),
        options_(options),
        services_(services),
        history_(history) {}

  const std::vector<NetNs>& namespaces() const { return namespaces_; }
  /// The exporter's own namespace: the first.
  const NetNs& host() const { return namespaces_.front(); }
  std::string_view name_of(std::uint32_t netns) const;
  Deadline started() const { return started_; }
  Deadline deadline() const { return deadline_; }
  const CollectorOptions& options() const { return options_; }
  const ServiceMap& services() const { return services_; }
  History& history() { return history_; }

  /// Text of a file below /proc, such as "net/snmp", in that namespace.
  const Result<std::string>& proc(const NetNs& ns, std::string_view path);

  /// The number in a /proc/sys file, such as "sys/net/ipv4/tcp_tw_reuse".
  Result<std::int64_t> sysctl(const NetNs& ns, std::string_view path);

 private:
  Kernel& kernel_;
  std::vector<NetNs> namespaces_;
  Deadline started_ = std::chrono::steady_clock::now();
  Deadline deadline_;
  const CollectorOptions& options_;
  const ServiceMap& services_;
  History& history_;
  std::map<std::pair<std::uint32_t, std::string>, Result<std::string>, std::less<>> texts_;
};

}  // namespace socket_exporter
