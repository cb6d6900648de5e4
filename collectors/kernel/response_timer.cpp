#include "collectors/kernel/response_timer.h"

#include <utility>

#include "collectors/kernel/cgroup_root.h"

namespace socket_exporter {

Result<ResponseTimer> ResponseTimer::start(const std::string& procfs) {
  const auto cgroup = open_root_cgroup(procfs);
  if (!cgroup) return cgroup.error();
  auto loaded = Bpf::load();
  if (!loaded) return loaded.error();
  Bpf& program = *loaded;
  auto links = Bpf::attach_to_cgroup<2>(*cgroup, {program->progs.ask, program->progs.answer});
  if (!links) return links.error();
  return ResponseTimer(std::move(program), std::move(*links));
}

}  // namespace socket_exporter
