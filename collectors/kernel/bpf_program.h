#pragma once

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <cerrno>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "collectors/base/result.h"

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
    return load([](Skeleton&) { return 0; });
  }

  /// `prepare` sets what has to be set before; it returns 0 or a negative errno.
  template <typename Prepare>
  static Result<BpfProgram> load(const Prepare& prepare) {
    // What libbpf prints of a refused program is for its author; the errno is for everybody.
    libbpf_set_print(nullptr);
    BpfProgram program(Skeleton::open());
    if (!program.skeleton_) return bpf_error("open", errno);
    if (const int r = prepare(*program.skeleton_); r != 0) return bpf_error("prepare", -r);
    if (const int r = Skeleton::load(program.skeleton_.get()); r != 0) return bpf_error("load", -r);
    return program;
  }

  Skeleton* operator->() { return skeleton_.get(); }
  const Skeleton* operator->() const { return skeleton_.get(); }

  static Error bpf_error(std::string_view step, int number) {
    Error error = errno_error("bpf " + std::string(step), number);
    if (error.kind == Error::Kind::denied) {
      error.what += ": needs CAP_BPF and CAP_PERFMON";
    } else {
      error.kind = Error::Kind::unavailable;
      error.what += ": needs Linux 6.2 or later with BTF";
    }
    return error;
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

  struct Destroy {
    void operator()(Skeleton* s) const { Skeleton::destroy(s); }
  };

  explicit BpfProgram(Skeleton* skeleton) : skeleton_(skeleton) {}

  std::unique_ptr<Skeleton, Destroy> skeleton_;
};

}  // namespace socket_exporter
