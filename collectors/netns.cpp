#include <string>

#include "collectors/collector.h"

namespace socket_exporter {
namespace {

constexpr Metric kInfo{Type::Gauge,
                       "socket_netns_info",
                       "Always 1; a network namespace that was read, and the pod or container it "
                       "belongs to, if any.",
                       "netns",
                       "inode",
                       "namespace",
                       "pod",
                       "container",
                       "pod_uid"};
constexpr MetricInfo kMetrics[] = {kInfo};

class Netns final : public Collector {
 public:
  Result<> emit(Snapshot& snapshot, Families& out) override {
    for (const NetNs& ns : snapshot.namespaces()) {
      const Workload& workload = ns.workload;
      out.add(kInfo, 1, ns.name, std::to_string(ns.inode), workload.pod_namespace, workload.pod,
              workload.container, workload.pod_uid);
    }
    return {};
  }
};

}  // namespace

extern const CollectorEntry kNetnsEntry{
    .name = "netns",
    .summary = "Network namespaces that are read",
    .on_by_default = true,
    .needs_sockets = false,
    .metrics = kMetrics,
    .make = [] { return std::unique_ptr<Collector>(new Netns); },
};

}  // namespace socket_exporter
