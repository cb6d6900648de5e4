#include "collectors/netstat_fields.h"

#include <algorithm>

namespace socket_exporter {

bool NetstatFields::wants(std::string_view protocol, std::string_view name,
                          const FieldFilter& filter) {
  const auto is_it = [&](const Field& field) {
    const std::string_view full = field.name;
    return full.size() == protocol.size() + 1 + name.size() && full.ends_with(name) &&
           full.starts_with(protocol) && full[protocol.size()] == '_';
  };
  if (next_ == fields_.size() || !is_it(fields_[next_])) {
    const auto found = std::find_if(fields_.begin(), fields_.end(), is_it);
    next_ = static_cast<std::size_t>(found - fields_.begin());
    if (found == fields_.end()) {
      std::string full = std::string(protocol).append("_").append(name);
      const bool wanted = filter.matches(full);
      fields_.push_back({std::move(full), wanted});
    }
  }
  return fields_[next_++].wanted;
}

}  // namespace socket_exporter
