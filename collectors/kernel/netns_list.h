#pragma once

#include <memory>
#include <vector>

#include "collectors/base/result.h"
#include "collectors/kernel/netns_record.h"

namespace socket_exporter {

/// Lists the network namespaces of the host by an eBPF program, with or without a process in
/// them, at about a microsecond each and without entering any. One thread at a time.
class NetnsList {
 public:
  /// `denied` without the privilege, `unavailable` on an old kernel or in a build without eBPF.
  static Result<NetnsList> open();

  NetnsList(NetnsList&&) noexcept;
  NetnsList& operator=(NetnsList&&) noexcept;
  ~NetnsList();

  /// The calling thread's own first, each once.
  Result<std::vector<NetnsRecord>> list();

 private:
  class Program;
  explicit NetnsList(std::unique_ptr<Program> program);

  std::unique_ptr<Program> program_;
};

}  // namespace socket_exporter
