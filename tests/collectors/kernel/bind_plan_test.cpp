#include "collectors/kernel/bind_plan.h"

#include <catch2/catch.hpp>

using namespace socket_exporter;
using Catch::Contains;

namespace {

Error error(std::string what) {
  return {Error::Kind::unavailable, std::move(what)};
}

}  // namespace

TEST_CASE("binds are followed by functions of the kernel first, whatever is wanted",
          "[bind_plan]") {
  const bool wants_system_calls = GENERATE(false, true);
  const BindPlan plan = plan_binds({.wants_system_calls = wants_system_calls});
  CHECK(plan.way == BindWay::functions);
  CHECK_THAT(plan.reason, Contains("fexit"));
}

TEST_CASE("system calls are followed only where that is wanted, and it says so", "[bind_plan]") {
  const BindPlan plan = plan_binds({.no_functions = error("no fexit here")});
  CHECK_FALSE(plan.way);
  CHECK_THAT(plan.reason, Contains("no fexit here") && Contains("--collector.binds"));
}

TEST_CASE("where system calls are followed it says why not functions", "[bind_plan]") {
  const BindPlan plan =
      plan_binds({.wants_system_calls = true, .no_functions = error("no fexit here")});
  CHECK(plan.way == BindWay::system_calls);
  CHECK_THAT(plan.reason, Contains("tracepoints") && Contains("no fexit here"));
}

TEST_CASE("where nothing can be followed all reasons are told", "[bind_plan]") {
  const BindPlan plan = plan_binds({.wants_system_calls = true,
                                    .no_functions = error("no fexit here"),
                                    .no_system_calls = error("no tracefs here")});
  CHECK_FALSE(plan.way);
  CHECK_THAT(plan.reason, Contains("no fexit here") && Contains("no tracefs here"));
}
