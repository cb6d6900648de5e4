#include "collectors/kernel/netns_tasks.h"

namespace socket_exporter {

// A build without SOCKET_EXPORTER_BPF: nothing can be opened.
class NetnsTasks::Program {};

NetnsTasks::NetnsTasks(std::unique_ptr<Program> program) : program_(std::move(program)) {}
NetnsTasks::NetnsTasks(NetnsTasks&&) noexcept = default;
NetnsTasks& NetnsTasks::operator=(NetnsTasks&&) noexcept = default;
NetnsTasks::~NetnsTasks() = default;

Result<NetnsTasks> NetnsTasks::open() {
  return Error{Error::Kind::unavailable, "built without eBPF"};
}

Result<std::vector<NetnsTask>> NetnsTasks::list() {
  return Error{Error::Kind::unavailable, "built without eBPF"};
}

}  // namespace socket_exporter
