#pragma once

#include <cstdint>
#include <iterator>
#include <string_view>

#include "collectors/kernel/websocket_counts.h"

namespace socket_exporter {

// Label values by the enumerations of websockets.h.

inline constexpr std::string_view kCloseReasons[] = {
    "normal",           "going_away",       "protocol_error",
    "unsupported_data", "no_status",        "invalid_payload",
    "policy_violation", "message_too_big",  "mandatory_extension",
    "internal_error",   "service_restart",  "try_again_later",
    "bad_gateway",      "application_3xxx", "application_4xxx",
    "invalid",          "abnormal_fin",     "abnormal_reset",
    "abnormal_timeout", "abnormal_local"};
inline constexpr std::string_view kInitiators[] = {"client", "server", "none"};
inline constexpr std::string_view kHandshakeErrors[] = {"http_4xx",   "http_5xx",   "http_other",
                                                        "incomplete", "no_request", "refused"};
inline constexpr std::string_view kDirections[] = {"in", "out"};
inline constexpr std::string_view kOpcodes[] = {"text", "binary", "ping", "pong", "close"};
inline constexpr std::string_view kLatencies[] = {"ping", "request"};
static_assert(std::size(kCloseReasons) == SX_CLOSE_REASONS);
static_assert(std::size(kInitiators) == SX_INITIATORS);
static_assert(std::size(kHandshakeErrors) == SX_HANDSHAKE_ERRORS);
static_assert(std::size(kDirections) == SX_DIRECTIONS);
static_assert(std::size(kOpcodes) == SX_MESSAGE_KINDS);
static_assert(std::size(kLatencies) == SX_WEBSOCKET_LATENCIES);

/// Ends of the buckets of lifetimes and of silence, in milliseconds; the last bucket has none.
inline constexpr std::uint32_t kLifetimeEdges[] = {SX_LIFETIME_EDGES};
static_assert(std::size(kLifetimeEdges) + 1 == SX_LIFETIME_BUCKETS);

}  // namespace socket_exporter
