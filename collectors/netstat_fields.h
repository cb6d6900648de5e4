#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/field_filter.h"

namespace socket_exporter {

/// Remembers what the operator's expression says of netstat fields: it is dear to match, and the
/// kernel has its fields in one order each time. Gather thread only.
class NetstatFields {
 public:
  /// Whether `filter`, the same in each call, picks a field such as "TcpExt", "ListenDrops".
  bool wants(std::string_view protocol, std::string_view name, const FieldFilter& filter);

 private:
  struct Field {
    std::string name;  ///< "TcpExt_ListenDrops"
    bool wanted = false;
  };

  std::vector<Field> fields_;  ///< in the order in which they were asked for first
  std::size_t next_ = 0;       ///< follows the one asked for last
};

}  // namespace socket_exporter
