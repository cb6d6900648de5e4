#include "collectors/services.h"

#include <algorithm>
#include <tuple>

namespace socket_exporter {

ServiceMap::ServiceMap(std::vector<Rule> rules) : rules_(std::move(rules)) {
  std::stable_sort(rules_.begin(), rules_.end(), [](const Rule& a, const Rule& b) {
    return std::tuple(a.block.prefix, a.port != 0) > std::tuple(b.block.prefix, b.port != 0);
  });
}

std::string_view ServiceMap::name_of(const IpAddress& destination, std::uint16_t port) const {
  const auto rule = std::find_if(rules_.begin(), rules_.end(), [&](const Rule& r) {
    return (r.port == 0 || r.port == port) && r.block.contains(destination);
  });
  return rule == rules_.end() ? std::string_view{} : std::string_view(rule->name);
}

}  // namespace socket_exporter
