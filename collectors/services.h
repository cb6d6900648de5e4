#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/base/address.h"

namespace socket_exporter {

/// The operator's names for destinations. Immutable once built; any thread.
class ServiceMap {
 public:
  struct Rule {
    Cidr block;
    std::uint16_t port = 0;  ///< 0: every port
    std::string name;
  };

  ServiceMap() = default;
  explicit ServiceMap(std::vector<Rule> rules);

  /// Label `peer_service`: the most specific rule's name (longest prefix, then a
  /// rule with a port), empty where none matches.
  std::string_view name_of(const IpAddress& destination, std::uint16_t port) const;

 private:
  std::vector<Rule> rules_;  ///< most specific first
};

}  // namespace socket_exporter
