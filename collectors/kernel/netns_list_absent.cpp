#include "collectors/kernel/netns_list.h"

namespace socket_exporter {

// A build without SOCKET_EXPORTER_BPF: nothing can be opened.
class NetnsList::Program {};

NetnsList::NetnsList(std::unique_ptr<Program> program) : program_(std::move(program)) {}
NetnsList::NetnsList(NetnsList&&) noexcept = default;
NetnsList& NetnsList::operator=(NetnsList&&) noexcept = default;
NetnsList::~NetnsList() = default;

Result<NetnsList> NetnsList::open() {
  return Error{Error::Kind::unavailable, "built without eBPF"};
}

Result<std::vector<NetnsRecord>> NetnsList::list() {
  return Error{Error::Kind::unavailable, "built without eBPF"};
}

}  // namespace socket_exporter
