#pragma once

#include <catch2/catch.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/collector.h"

namespace socket_exporter {

/// Runs single collectors as a scrape does, and keeps their history in between.
struct CollectorRunner {
  CollectorOptions options{.netstat_fields = *FieldFilter::compile(kDefaultNetstatFields)};
  ServiceMap services;
  History history;

  /// The text that Prometheus would read, or why the collector gave none.
  Result<std::string> run(Kernel& kernel, std::string_view collector);
  /// Of several in one scrape, in this order.
  Result<std::string> run_all(Kernel& kernel, const std::vector<std::string_view>& collectors);
};

/// One collector, one scrape, the text that Prometheus would read.
std::string expose(Kernel& kernel, std::string_view collector);

/// Why that collector gave nothing.
Error expose_error(Kernel& kernel, std::string_view collector);

/// These families as prometheus-cpp writes them.
std::string to_text(Families families);

/// Matches text that has this line, as a whole.
class HasLine : public Catch::MatcherBase<std::string> {
 public:
  explicit HasLine(std::string line) : line_(std::move(line)) {}
  bool match(const std::string& text) const override;
  std::string describe() const override { return "has the line " + line_; }

 private:
  std::string line_;
};

}  // namespace socket_exporter
