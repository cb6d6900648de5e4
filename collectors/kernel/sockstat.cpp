#include "collectors/kernel/sockstat.h"

#include <fmt/format.h>

#include <algorithm>

#include "collectors/base/text.h"

namespace socket_exporter {
namespace {

Error malformed(std::string_view line) {
  return {Error::Kind::malformed, fmt::format("sockstat: \"{}\"", line)};
}

}  // namespace

// One line a protocol, "TCP: inuse 27 orphan 1 tw 0 alloc 31 mem 5".
Result<std::vector<SockstatValue>> parse_sockstat(std::string_view text) {
  std::vector<SockstatValue> values;
  while (!text.empty()) {
    const std::string_view line = next_line(text);
    std::string_view rest = line;
    std::string_view protocol = next_word(rest);
    if (protocol.empty()) continue;
    if (!protocol.ends_with(':') || rest.empty()) return malformed(line);
    protocol.remove_suffix(1);
    while (!rest.empty()) {
      const std::string_view field = next_word(rest);
      const auto value = parse_number<std::int64_t>(next_word(rest));
      if (!value || !is_name(protocol) || !is_name(field)) return malformed(line);
      values.push_back({protocol, field, *value});
    }
  }
  return values;
}

std::optional<std::int64_t> find_sockstat(std::span<const SockstatValue> values,
                                          std::string_view protocol, std::string_view field) {
  const auto it = std::find_if(values.begin(), values.end(), [&](const SockstatValue& v) {
    return v.protocol == protocol && v.field == field;
  });
  return it == values.end() ? std::nullopt : std::optional(it->value);
}

}  // namespace socket_exporter
