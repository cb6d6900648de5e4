#include "collectors/kernel/websocket_tls_tracker.h"

#include <bpf/bpf.h>
#include <fmt/format.h>
#include <link.h>
#include <sys/auxv.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <utility>

#include "collectors/kernel/bpf_program.h"
#include "collectors/kernel/websocket_port_bits.h"
#include "collectors/kernel/websocket_table.h"
#include "websocket_tls.skel.h"

namespace socket_exporter {
namespace {

using Bpf = BpfProgram<websocket_tls_bpf>;

constexpr int kAllProcesses = -1;

/// Where in the file of this program it begins to run.
std::size_t offset_of_entry() {
  std::size_t offset = 0;
  ::dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t /*size*/, void* found) {
        const std::size_t entry = ::getauxval(AT_ENTRY) - info->dlpi_addr;
        for (int i = 0; i < info->dlpi_phnum; ++i) {
          const auto& segment = info->dlpi_phdr[i];
          if (segment.p_type != PT_LOAD || entry - segment.p_vaddr >= segment.p_filesz) continue;
          *static_cast<std::size_t*>(found) = entry - segment.p_vaddr + segment.p_offset;
        }
        return 1;  // no libraries
      },
      &offset);
  return offset;
}

/// By name, or by offset where there is none.
BpfLink attach_uprobe(const bpf_program* program, const std::string& path, const char* function,
                      bool at_return, std::size_t offset = 0) {
  bpf_uprobe_opts options{};
  options.sz = sizeof options;
  options.func_name = function;
  options.retprobe = at_return;
  return BpfLink(
      bpf_program__attach_uprobe_opts(program, kAllProcesses, path.c_str(), offset, &options));
}

}  // namespace

class WebsocketTlsTracker::Program {
 public:
  explicit Program(Bpf program) : bpf_(std::move(program)) {}

  void follow(const WebsocketPorts& ports) { change_ports(*bpf_->bss, ports_, ports); }

  Result<> make_table() {
    auto table = WebsocketTable::make(
        {bpf_->maps.places, bpf_->maps.slots, bpf_->maps.free_slots, &bpf_->bss->tags}, true);
    if (!table) return table.error();
    table_ = std::move(*table);
    return {};
  }

  Result<> attach_to_kernel() {
    // Where this is refused, so are all others. The link goes at once.
    if (!attach_uprobe(bpf_->progs.end_session, "/proc/self/exe", nullptr, false,
                       offset_of_entry())) {
      return Bpf::uprobe_error("attach", errno);
    }
    for (const bpf_program* program : kernel_programs()) {
      links_.emplace_back(bpf_program__attach(program));
      if (!links_.back()) return Bpf::bpf_error("attach", errno);
    }
    return {};
  }

  Result<bool> attach(const std::string& path) {
    const auto& p = bpf_->progs;
    const Hook hooks[] = {{"SSL_read", p.begin_io, p.end_read},
                          {"SSL_write", p.begin_io, p.end_write},
                          {"SSL_read_ex", p.begin_io_ex, p.end_read},
                          {"SSL_write_ex", p.begin_io_ex, p.end_write},
                          {"SSL_sendfile", p.begin_io, p.end_write},
                          {"SSL_do_handshake", p.begin_handshake, p.end_handshake},
                          {"SSL_free", p.end_session, nullptr},
                          {"SSL_clear", p.end_session, nullptr}};
    std::vector<BpfLink> links;
    for (const Hook& hook : hooks) {
      const auto attached = attach_hook(hook, path, links);
      if (!attached) return attached.error();
      // An old or another version of OpenSSL may lack those after the first.
      if (!*attached && links.empty()) return false;
    }
    for (BpfLink& link : links) links_.push_back(std::move(link));
    return true;
  }

  std::vector<std::uint32_t> take_readers() {
    std::vector<std::uint32_t> readers;
    const bpf_map* const map = bpf_->maps.readers;
    // What there is of it, where it cannot be read as a whole.
    (void)Bpf::for_each<std::uint32_t, std::uint32_t>(
        map, [&](std::uint32_t pid, std::uint32_t /*same*/) { readers.push_back(pid); });
    for (const std::uint32_t pid : readers) bpf_map_delete_elem(bpf_map__fd(map), &pid);
    return readers;
  }

  Result<WebsocketCounts> read() {
    WebsocketCounts all;
    if (auto read = table_.read(all.records); !read) return read.error();
    const auto& bss = *bpf_->bss;
    all.adopted = bss.adopted;
    all.desynced = bss.desynced;
    all.resynced = bss.resynced;
    all.ports_refused = bss.ports_refused;
    all.missed = bss.lost;
    for (const bpf_program* program : kernel_programs()) {
      const auto skipped = Bpf::recursion_misses(program);
      if (!skipped) return skipped.error();
      all.missed += *skipped;
    }
    return all;
  }

  std::vector<WebsocketRecord> forget(std::span<const WebsocketKey> idle) {
    return table_.forget(idle);
  }

 private:
  struct Hook {
    const char* function;
    const bpf_program* begin;
    const bpf_program* end;  // at its return, if any
  };

  // False where the file does not have the function. The return comes first: what has begun will
  // end.
  static Result<bool> attach_hook(const Hook& hook, const std::string& path,
                                  std::vector<BpfLink>& links) {
    for (const bpf_program* program : {hook.end, hook.begin}) {
      if (program == nullptr) continue;
      BpfLink link = attach_uprobe(program, path, hook.function, program == hook.end);
      if (!link && errno != ENOENT) return Bpf::uprobe_error("attach", errno);
      if (!link) return false;
      links.push_back(std::move(link));
    }
    return true;
  }

  std::array<const bpf_program*, 3> kernel_programs() const {
    return {bpf_->progs.follow_state, bpf_->progs.follow_end, bpf_->progs.follow_read};
  }

  Bpf bpf_;
  WebsocketPorts ports_;
  WebsocketTable table_;
  std::vector<BpfLink> links_;  // these go before the program
};

WebsocketTlsTracker::WebsocketTlsTracker(std::unique_ptr<Program> program)
    : program_(std::move(program)) {}
WebsocketTlsTracker::WebsocketTlsTracker(WebsocketTlsTracker&&) noexcept = default;
WebsocketTlsTracker& WebsocketTlsTracker::operator=(WebsocketTlsTracker&&) noexcept = default;
WebsocketTlsTracker::~WebsocketTlsTracker() = default;

Result<WebsocketTlsTracker> WebsocketTlsTracker::start(const WebsocketPorts& ports) {
  auto loaded = Bpf::load();
  if (!loaded) return loaded.error();
  auto program = std::make_unique<Program>(std::move(*loaded));
  program->follow(ports);
  if (const auto made = program->make_table(); !made) return made.error();
  if (const auto attached = program->attach_to_kernel(); !attached) return attached.error();
  return WebsocketTlsTracker(std::move(program));
}

void WebsocketTlsTracker::follow(const WebsocketPorts& ports) {
  program_->follow(ports);
}

Result<bool> WebsocketTlsTracker::attach(const Fd& file) {
  return program_->attach(fmt::format("/proc/self/fd/{}", file.number()));
}

std::vector<std::uint32_t> WebsocketTlsTracker::take_readers() {
  return program_->take_readers();
}

Result<WebsocketCounts> WebsocketTlsTracker::read() {
  return program_->read();
}

std::vector<WebsocketRecord> WebsocketTlsTracker::forget(std::span<const WebsocketKey> idle) {
  return program_->forget(idle);
}

}  // namespace socket_exporter
