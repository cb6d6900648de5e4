#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "collectors/base/result.h"

namespace socket_exporter {

/// Those that something here needs, as the kernel numbers them (capabilities(7)).
enum class Capability { net_admin = 12, sys_ptrace = 19, sys_admin = 21, perfmon = 38, bpf = 39 };

/// Makes all capabilities effective that this process is permitted, as those of a file with "+p"
/// are not of themselves (capabilities(7)). Before any other thread starts.
void use_permitted_capabilities();

/// The error for a failed system call that needs these; where it is denied, also which of them the
/// calling thread lacks.
Error errno_error(std::string_view what, int error_number,
                  std::initializer_list<Capability> needed);

/// Why a call that needs these is denied to a thread that has the capabilities with these bits.
std::string why_denied(std::initializer_list<Capability> needed, std::uint64_t effective);

}  // namespace socket_exporter
