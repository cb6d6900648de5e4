#pragma once

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "collectors/base/fd.h"
#include "collectors/base/result.h"
#include "collectors/kernel/capabilities.h"
#include "collectors/kernel/proc_file.h"

namespace socket_exporter {

struct BpfUnlink {
  void operator()(bpf_link* link) const { bpf_link__destroy(link); }
};
/// An attached program; goes before the program.
using BpfLink = std::unique_ptr<bpf_link, BpfUnlink>;

/// A loaded program and its maps, gone with this object. `Skeleton` is a type that bpftool made.
template <typename Skeleton>
class BpfProgram {
 public:
  static Result<BpfProgram> load() {
    return load_or(bpf_error, [](Skeleton&) { return 0; });
  }

  /// `prepare` sets what has to be set before; it returns 0 or a negative errno.
  template <typename Prepare>
  static Result<BpfProgram> load(const Prepare& prepare) {
    return load_or(bpf_error, prepare);
  }

  /// One that follows functions of the kernel.
  static Result<BpfProgram> load_fexit() {
    // It would load then, and be attached, but never run.
    const auto enabled = read_file("/proc/sys/kernel/ftrace_enabled");
    if (enabled && enabled->starts_with('0')) {
      return Error{Error::Kind::unavailable, "fexit load: kernel.ftrace_enabled is 0"};
    }
    return load_or(fexit_error, [](Skeleton&) { return 0; });
  }

  Skeleton* operator->() { return skeleton_.get(); }
  const Skeleton* operator->() const { return skeleton_.get(); }

  static Error bpf_error(std::string_view step, int number) {
    return error_of("bpf", step, number, {Capability::bpf, Capability::perfmon},
                    "Linux 6.2 or later with BTF");
  }

  /// The same of programs that follow functions of the kernel, which some hosts allow nobody.
  static Error fexit_error(std::string_view step, int number) {
    return error_of("fexit", step, number, {Capability::bpf, Capability::perfmon},
                    "Linux 5.17 or later with BTF and ftrace");
  }

  /// Makes programs see the packets of all sockets of this cgroup and of those below it.
  template <std::size_t kCount>
  static Result<std::array<BpfLink, kCount>> attach_to_cgroup(
      const Fd& cgroup, const std::array<bpf_program*, kCount>& programs) {
    std::array<BpfLink, kCount> links;
    for (std::size_t i = 0; i < kCount; ++i) {
      links[i] = BpfLink(bpf_program__attach_cgroup(programs[i], cgroup.number()));
      if (!links[i]) {
        return errno_error("attach to the root of cgroup2", errno, {Capability::net_admin});
      }
    }
    return links;
  }

  /// Of programs that follow functions of other processes: since 2025 CAP_PERFMON is too little.
  static Error uprobe_error(std::string_view step, int number) {
    return error_of("uprobe", step, number, {Capability::sys_admin},
                    "a kernel with CONFIG_UPROBE_EVENTS");
  }

  /// Events that came while the program was at work on that CPU already.
  static Result<std::uint64_t> recursion_misses(const bpf_program* program) {
    bpf_prog_info info{};
    std::uint32_t size = sizeof info;
    const int got = bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size);
    if (got < 0) return bpf_error("info", -got);
    return std::uint64_t{info.recursion_misses};
  }

  /// Hands over all entries of a hash.
  template <typename Key, typename Value, typename Sink>
  static Result<> for_each(const bpf_map* map, const Sink& sink) {
    std::vector<Key> keys(kBatch);
    std::vector<Value> values(kBatch);
    std::uint32_t position = 0;
    void* after = nullptr;
    for (;;) {
      std::uint32_t count = kBatch;
      const int read = bpf_map_lookup_batch(bpf_map__fd(map), after, &position, keys.data(),
                                            values.data(), &count, nullptr);
      if (read < 0 && read != -ENOENT) return bpf_error("map", -read);
      for (std::uint32_t i = 0; i < count; ++i) sink(keys[i], values[i]);
      if (read == -ENOENT) return {};
      after = &position;
    }
  }

  template <typename Key, typename Value>
  static Result<> add(const bpf_map* map, const Key& key, const Value& value) {
    const int added = bpf_map_update_elem(bpf_map__fd(map), &key, &value, BPF_NOEXIST);
    if (added < 0) return bpf_error("map", -added);
    return {};
  }

 private:
  static constexpr std::uint32_t kBatch = 256;  ///< entries that one system call reads

  template <typename Prepare>
  static Result<BpfProgram> load_or(Error (*error)(std::string_view step, int number),
                                    const Prepare& prepare) {
    // What libbpf prints of a refused program is for its author; the errno is for everybody.
    libbpf_set_print(nullptr);
    BpfProgram program(Skeleton::open());
    if (!program.skeleton_) return error("open", errno);
    if (const int r = prepare(*program.skeleton_); r != 0) return error("prepare", -r);
    if (const int r = Skeleton::load(program.skeleton_.get()); r != 0) return error("load", -r);
    return program;
  }

  static Error error_of(std::string_view what, std::string_view step, int number,
                        std::initializer_list<Capability> needed, std::string_view kernel) {
    Error error = errno_error(std::string(what) + " " + std::string(step), number, needed);
    if (error.kind == Error::Kind::denied) return error;
    return {Error::Kind::unavailable, error.what + ": needs " + std::string(kernel)};
  }

  struct Destroy {
    void operator()(Skeleton* s) const { Skeleton::destroy(s); }
  };

  explicit BpfProgram(Skeleton* skeleton) : skeleton_(skeleton) {}

  std::unique_ptr<Skeleton, Destroy> skeleton_;
};

}  // namespace socket_exporter
