#include "collectors/kernel/netns_tasks.h"

#include <bpf/bpf.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <type_traits>
#include <utility>

#include "collectors/base/fd.h"
#include "collectors/bpf/netns_tasks.h"
#include "collectors/kernel/bpf_program.h"
#include "netns_tasks.skel.h"

namespace socket_exporter {
namespace {

static_assert(sizeof(sx_netns_task) == 16 && std::is_trivially_copyable_v<sx_netns_task>);

constexpr std::size_t kBatch = 1024;

using Bpf = BpfProgram<netns_tasks_bpf>;

struct Unlink {
  void operator()(bpf_link* link) const { bpf_link__destroy(link); }
};
using Link = std::unique_ptr<bpf_link, Unlink>;

}  // namespace

class NetnsTasks::Program {
 public:
  Program(Bpf program, Link link) : bpf_(std::move(program)), link_(std::move(link)) {}

  Result<std::vector<NetnsTask>> list() {
    const Fd iterator(bpf_iter_create(bpf_link__fd(link_.get())));
    if (!iterator) return Bpf::bpf_error("iter", errno);
    std::vector<NetnsTask> tasks;
    std::array<sx_netns_task, kBatch> batch;
    for (;;) {
      const ssize_t got = ::read(iterator.number(), batch.data(), sizeof batch);
      if (got == 0) return tasks;
      if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
      if (got < 0) return Bpf::bpf_error("iter", errno);
      const std::size_t count = static_cast<std::size_t>(got) / sizeof batch[0];
      for (std::size_t i = 0; i < count; ++i) {
        tasks.push_back({batch[i].netns, batch[i].pid, batch[i].cookie});
      }
    }
  }

 private:
  Bpf bpf_;
  Link link_;  // goes before the program
};

NetnsTasks::NetnsTasks(std::unique_ptr<Program> program) : program_(std::move(program)) {}
NetnsTasks::NetnsTasks(NetnsTasks&&) noexcept = default;
NetnsTasks& NetnsTasks::operator=(NetnsTasks&&) noexcept = default;
NetnsTasks::~NetnsTasks() = default;

Result<NetnsTasks> NetnsTasks::open() {
  auto loaded = Bpf::load();
  if (!loaded) return loaded.error();
  Link link(bpf_program__attach_iter((*loaded)->progs.list_tasks, nullptr));
  if (!link) return Bpf::bpf_error("attach", errno);
  return NetnsTasks(std::make_unique<Program>(std::move(*loaded), std::move(link)));
}

Result<std::vector<NetnsTask>> NetnsTasks::list() {
  return program_->list();
}

}  // namespace socket_exporter
