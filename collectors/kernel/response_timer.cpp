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

int ResponseTimer::share(bpf_map* places, bpf_map* crowd, bpf_map* times) const {
  const std::pair<bpf_map*, const bpf_map*> shared[] = {
      {places, bpf_->maps.places}, {crowd, bpf_->maps.crowd}, {times, bpf_->maps.times}};
  for (const auto& [theirs, ours] : shared) {
    const int reused = bpf_map__reuse_fd(theirs, bpf_map__fd(ours));
    if (reused != 0) return reused;
  }
  return 0;
}

}  // namespace socket_exporter
