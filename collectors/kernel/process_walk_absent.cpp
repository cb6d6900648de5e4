#include "collectors/kernel/process_walk.h"

namespace socket_exporter {

// A build without SOCKET_EXPORTER_BPF: nothing can be opened.
class ProcessWalk::Program {};

ProcessWalk::ProcessWalk(std::unique_ptr<Program> program) : program_(std::move(program)) {}
ProcessWalk::ProcessWalk(ProcessWalk&&) noexcept = default;
ProcessWalk& ProcessWalk::operator=(ProcessWalk&&) noexcept = default;
ProcessWalk::~ProcessWalk() = default;

Result<ProcessWalk> ProcessWalk::open() {
  return Error{Error::Kind::unavailable, "built without eBPF"};
}

Result<Owners> ProcessWalk::walk(Inodes /*inodes*/, const DestinationSet& /*wanted*/,
                                 const WorkloadOf& /*workload_of*/, Deadline /*deadline*/) {
  return Error{Error::Kind::unavailable, "built without eBPF"};
}

}  // namespace socket_exporter
