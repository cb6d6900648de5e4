#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "collectors/base/result.h"

namespace socket_exporter {

/// A value of a YAML document and the line it stands on. A mapping's keys and values
/// take turns in `items`; keys are scalars and differ.
struct YamlNode {
  enum class Kind { null, scalar, list, map };
  Kind kind = Kind::null;
  int line = 1;
  std::string text{};  ///< of a scalar
  std::vector<YamlNode> items{};
};

/// Pure. Anchors, tags, several documents and deep nesting are refused: a configuration
/// needs none, and some of them grow a small file into a large one. Errors begin `name:line: `.
Result<YamlNode> parse_yaml(std::string_view text, std::string_view name);

}  // namespace socket_exporter
