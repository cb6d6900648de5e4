#include "exporter/diagnosis/process_name.h"

#include <fmt/format.h>

#include "exporter/diagnosis/words.h"

namespace socket_exporter {

std::string to_string(const Workload& workload) {
  if (!workload.pod.empty()) {
    return printable(fmt::format("{}/{}", workload.pod_namespace, workload.pod));
  }
  if (!workload.container.empty()) return printable("container:" + workload.container);
  return workload.pod_uid.empty() ? "" : printable("pod " + workload.pod_uid);
}

std::string to_string(const ProcessName& process) {
  if (process.comm.empty()) return "an unknown process";
  const std::string pid = process.is_known() ? fmt::format("pid {}", process.pid) : "";
  const std::string workload = to_string(process.workload);
  if (pid.empty() && workload.empty()) return process.comm;
  return fmt::format("{} ({}{}{})", process.comm, pid, pid.empty() || workload.empty() ? "" : ", ",
                     workload);
}

}  // namespace socket_exporter
