#pragma once

#include <bpf/libbpf.h>

#include <cerrno>
#include <memory>
#include <string>
#include <utility>

#include "collectors/base/result.h"

namespace socket_exporter {

/// A loaded program and its maps, gone with this object. `Skeleton` is a type that bpftool made.
template <typename Skeleton>
class BpfProgram {
 public:
  static Result<BpfProgram> load() {
    // What libbpf prints of a refused program is for its author; the errno is for everybody.
    libbpf_set_print(nullptr);
    BpfProgram program(Skeleton::open());
    if (!program.skeleton_) return bpf_error("open", errno);
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

 private:
  struct Destroy {
    void operator()(Skeleton* s) const { Skeleton::destroy(s); }
  };

  explicit BpfProgram(Skeleton* skeleton) : skeleton_(skeleton) {}

  std::unique_ptr<Skeleton, Destroy> skeleton_;
};

}  // namespace socket_exporter
