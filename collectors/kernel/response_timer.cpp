#include "collectors/kernel/response_timer.h"

#include <cerrno>
#include <utility>

#include "collectors/kernel/cgroup_root.h"

namespace socket_exporter {

Result<ResponseTimer> ResponseTimer::start(const std::string& procfs) {
  const auto cgroup = open_root_cgroup(procfs);
  if (!cgroup) return cgroup.error();
  auto loaded = Bpf::load();
  if (!loaded) return loaded.error();
  ResponseTimer timer(std::move(*loaded));
  if (const auto attached = timer.attach(*cgroup); !attached) return attached.error();
  return timer;
}

Result<> ResponseTimer::attach(const Fd& cgroup) {
  const std::array programs{bpf_->progs.ask, bpf_->progs.answer};
  for (std::size_t i = 0; i < programs.size(); ++i) {
    links_[i] = BpfLink(bpf_program__attach_cgroup(programs[i], cgroup.number()));
    if (links_[i]) continue;
    Error error = errno_error("attach to the root of cgroup2", errno);
    if (error.kind == Error::Kind::denied) error.what += ": needs CAP_NET_ADMIN";
    return error;
  }
  return {};
}

}  // namespace socket_exporter
