#include "collectors/kernel/process_walk.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

#include "collectors/base/fd.h"
#include "collectors/bpf/process_walk.h"
#include "collectors/kernel/bpf_program.h"
#include "collectors/kernel/process_records.h"
#include "process_walk.skel.h"

namespace socket_exporter {
namespace {

static_assert(kMostDestinations == SX_DESTINATIONS);

// As much as the kernel has ready at once, with pages of 4 KiB.
constexpr std::size_t kReadBuffer = 32768;

sx_destination_key to_key(const DestinationKey& destination) {
  sx_destination_key key{};
  std::memcpy(key.address, destination.address.bytes.data(), sizeof key.address);
  key.netns = destination.netns;
  key.port = htons(destination.port);
  return key;
}

}  // namespace

class ProcessWalk::Program {
 public:
  explicit Program(BpfProgram<process_walk_bpf> program)
      : bpf_(std::move(program)), buffer_(kReadBuffer) {}

  Result<> attach() {
    const int link =
        bpf_link_create(bpf_program__fd(bpf_->progs.walk_files), 0, BPF_TRACE_ITER, nullptr);
    if (link < 0) return BpfProgram<process_walk_bpf>::bpf_error("link", -link);
    link_ = Fd(link);
    return {};
  }

  // The keys stay from walk to walk, as most of them do.
  Result<> look_for(const DestinationSet& wanted) {
    const std::size_t count = std::min(wanted.size(), kMostDestinations);
    std::memset(&bpf_->bss->destinations, 0, count * sizeof(sx_destination));
    bpf_->bss->wanted_destinations = static_cast<std::uint32_t>(count);
    const auto end = std::next(wanted.begin(), static_cast<std::ptrdiff_t>(count));
    if (std::equal(wanted.begin(), end, wanted_.begin(), wanted_.end())) return {};

    const int map = bpf_map__fd(bpf_->maps.wanted);
    for (const DestinationKey& old : wanted_) {
      const auto key = to_key(old);
      bpf_map_delete_elem(map, &key);
    }
    wanted_.clear();
    for (auto destination = wanted.begin(); destination != end; ++destination) {
      const auto key = to_key(*destination);
      const auto index = static_cast<std::uint32_t>(wanted_.size());
      const int failed = bpf_map_update_elem(map, &key, &index, BPF_ANY);
      if (failed < 0) return BpfProgram<process_walk_bpf>::bpf_error("map", -failed);
      wanted_.push_back(*destination);
    }
    return {};
  }

  Result<ProcessRecords> read(Inodes inodes, Deadline deadline) {
    const Fd iterator(bpf_iter_create(link_.number()));
    if (!iterator) return BpfProgram<process_walk_bpf>::bpf_error("iterator", errno);
    std::memset(&bpf_->bss->process, 0, sizeof bpf_->bss->process);
    bpf_->bss->each_socket = inodes == Inodes::all ? 1 : 0;

    ProcessRecords records;
    std::size_t left = 0;  // of a record that was read in part
    for (;;) {
      if (std::chrono::steady_clock::now() >= deadline) {
        return Error{Error::Kind::timeout, "bpf: deadline passed during the walk over descriptors"};
      }
      const auto got = ::read(iterator.number(), buffer_.data() + left, buffer_.size() - left);
      if (got == 0) return records;
      if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;  // after a million descriptors
      if (got < 0) return errno_error("bpf read", errno);
      const std::size_t bytes = left + static_cast<std::size_t>(got);
      const auto taken = records.add(std::span(buffer_).first(bytes));
      if (!taken) return taken.error();
      left = bytes - *taken;
      std::memmove(buffer_.data(), buffer_.data() + *taken, left);
    }
  }

  Owners join(const ProcessRecords& records, const WorkloadOf& workload_of) const {
    return owners_of(records, wanted_, bpf_->bss->destinations, workload_of);
  }

 private:
  BpfProgram<process_walk_bpf> bpf_;
  Fd link_;
  std::vector<std::byte> buffer_;
  std::vector<DestinationKey> wanted_;  ///< by their index in the program
};

ProcessWalk::ProcessWalk(std::unique_ptr<Program> program) : program_(std::move(program)) {}
ProcessWalk::ProcessWalk(ProcessWalk&&) noexcept = default;
ProcessWalk& ProcessWalk::operator=(ProcessWalk&&) noexcept = default;
ProcessWalk::~ProcessWalk() = default;

Result<ProcessWalk> ProcessWalk::open() {
  auto loaded = BpfProgram<process_walk_bpf>::load();
  if (!loaded) return loaded.error();
  auto program = std::make_unique<Program>(std::move(*loaded));
  if (const auto attached = program->attach(); !attached) return attached.error();
  return ProcessWalk(std::move(program));
}

Result<Owners> ProcessWalk::walk(Inodes inodes, const DestinationSet& wanted,
                                 const WorkloadOf& workload_of, Deadline deadline) {
  if (const auto set = program_->look_for(wanted); !set) return set.error();
  const auto records = program_->read(inodes, deadline);
  if (!records) return records.error();
  return program_->join(*records, workload_of);
}

}  // namespace socket_exporter
