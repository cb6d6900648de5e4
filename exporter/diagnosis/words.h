#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/base/address.h"

namespace socket_exporter {

/// "27,900".
std::string grouped(std::uint64_t number);

/// "1 connection", "2,341 connections".
std::string counted(std::uint64_t number, std::string_view noun);

/// "27,900 of 28,232".
std::string out_of(std::uint64_t part, std::uint64_t whole);

/// Whole percent, rounded down, so that 69.9 % never looks like the 70 % of a threshold.
/// Of a limit of 0 everything is used: 100.
int whole_percent(std::uint64_t part, std::uint64_t whole);

/// The text with everything that could steer a terminal, or break a line, replaced by '?':
/// bytes outside printable ASCII. For names that processes choose themselves.
std::string printable(std::string_view text);

/// At most `width` characters of ASCII text; a cut one ends in "..".
std::string shortened(std::string_view text, std::size_t width);

/// Lines of at most `width` characters, broken at blanks, never before a "%". A longer word is a
/// line of its own.
std::vector<std::string> wrapped(std::string_view text, std::size_t width);

/// The address as /proc/net/tcp prints it on this machine: "0100007F", IPv6 as 32 digits.
std::string proc_net_hex(const IpAddress& address);

}  // namespace socket_exporter
