#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "collectors/base/result.h"

namespace re2 {
class RE2;
}

namespace socket_exporter {

/// A regular expression in Go's (RE2's) syntax that chooses fields by name, as
/// node_exporter's --collector.netstat.fields. Any thread.
class FieldFilter {
 public:
  static Result<FieldFilter> compile(const std::string& expression);

  bool matches(std::string_view field) const;

 private:
  explicit FieldFilter(std::shared_ptr<const re2::RE2> expression);

  std::shared_ptr<const re2::RE2> expression_;
};

}  // namespace socket_exporter
