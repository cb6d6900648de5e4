#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "collectors/base/address.h"
#include "collectors/base/result.h"

namespace socket_exporter {

/// Destinations of a service: a block of addresses, or a host name to be resolved.
struct ServiceMatch {
  std::optional<Cidr> block;
  std::string host;        ///< lower case; empty with a block
  std::uint16_t port = 0;  ///< 0: every port

  bool operator==(const ServiceMatch&) const = default;
};

/// Pure. "10.1.0.0/16", "10.2.0.0/24:5432", "[2001:db8::1]:443", "payments.example.com:443".
/// The error says what is wrong with it and what would be right.
Result<ServiceMatch> parse_service_match(std::string_view text);

}  // namespace socket_exporter
