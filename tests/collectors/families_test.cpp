#include "collectors/families.h"

#include <catch2/catch.hpp>

#include "tests/exposition.h"

using namespace socket_exporter;

namespace {

constexpr Metric kPlain{Type::Gauge, "plain", "No labels."};
constexpr Metric kLabelled{Type::Counter, "labelled_total", "Two labels.", "a", "b"};

constexpr Metric kSizes{Type::Histogram, "sizes", "By size.", "a"};

}  // namespace

TEST_CASE("samples of a metric come together, in order of first use", "[families]") {
  Families families;
  families.add(kLabelled, 1, "x", std::string("y"));
  families.add(kPlain, 2.5);
  families.add(kLabelled, 3, std::string_view("x"), "z");
  families.add_named(Type::Untyped, "named", "By the kernel.", -1);

  CHECK(to_text(std::move(families)) ==
        "# HELP labelled_total Two labels.\n"
        "# TYPE labelled_total counter\n"
        "labelled_total{a=\"x\",b=\"y\"} 1\n"
        "labelled_total{a=\"x\",b=\"z\"} 3\n"
        "# HELP plain No labels.\n"
        "# TYPE plain gauge\n"
        "plain 2.5\n"
        "# HELP named By the kernel.\n"
        "# TYPE named untyped\n"
        "named -1\n");
}

TEST_CASE("a histogram's buckets are summed up to the last, which has no bound", "[families]") {
  Families families;
  families.add(kSizes, Histogram{{0.5, 2}, {3, 0, 4}, 21.5}, "x");

  CHECK(to_text(std::move(families)) ==
        "# HELP sizes By size.\n"
        "# TYPE sizes histogram\n"
        "sizes_count{a=\"x\"} 7\n"
        "sizes_sum{a=\"x\"} 21.5\n"
        "sizes_bucket{a=\"x\",le=\"0.5\"} 3\n"
        "sizes_bucket{a=\"x\",le=\"2\"} 3\n"
        "sizes_bucket{a=\"x\",le=\"+Inf\"} 7\n");
}
