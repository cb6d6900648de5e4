#include "collectors/kernel/bind_plan.h"

namespace socket_exporter {

BindPlan plan_binds(const BindFacts& facts) {
  if (!facts.no_functions) return {BindWay::functions, "by fexit of the kernel's functions"};
  const std::string& refused = facts.no_functions->what;
  if (!facts.wants_system_calls) {
    return {std::nullopt,
            refused + "; --collector.binds tries system calls too, at some 10 ns each"};
  }
  if (!facts.no_system_calls) {
    return {BindWay::system_calls,
            "by tracepoints on the return of bind() and connect(); " + refused};
  }
  return {std::nullopt, refused + "; " + facts.no_system_calls->what};
}

}  // namespace socket_exporter
