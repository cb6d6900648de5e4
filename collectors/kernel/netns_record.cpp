#include "collectors/kernel/netns_record.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <iterator>

#include "collectors/bpf/netns_list.h"

namespace socket_exporter {
namespace {

constexpr std::size_t kWordBits = 64;

struct NumberFile {
  std::string_view path;
  std::uint32_t NetnsRecord::*number;
};
constexpr NumberFile kNumberFiles[] = {
    {"sys/net/core/somaxconn", &NetnsRecord::somaxconn},
    {"sys/net/ipv4/tcp_fin_timeout", &NetnsRecord::fin_timeout_seconds},
    {"sys/net/ipv4/tcp_max_tw_buckets", &NetnsRecord::max_tw_buckets},
    {"sys/net/ipv4/tcp_timestamps", &NetnsRecord::timestamps},
    {"sys/net/ipv4/tcp_tw_reuse", &NetnsRecord::tw_reuse},
};

// The first bit from `at` on that is `set`, or the end.
std::size_t find_bit(std::span<const unsigned long long> bitmap, std::size_t at, bool set) {
  while (at < bitmap.size() * kWordBits) {
    const auto word = bitmap[at / kWordBits];
    const auto rest = (set ? word : ~word) >> at % kWordBits;
    if (rest != 0) return at + static_cast<std::size_t>(std::countr_zero(rest));
    at = (at / kWordBits + 1) * kWordBits;
  }
  return bitmap.size() * kWordBits;
}

}  // namespace

std::string ports_text(std::span<const unsigned long long> bitmap) {
  const std::size_t end = bitmap.size() * kWordBits;
  std::string text;
  for (std::size_t first = find_bit(bitmap, 0, true); first < end;) {
    const std::size_t behind = find_bit(bitmap, first, false);
    if (!text.empty()) text += ',';
    text += std::to_string(first);
    if (behind - first > 1) text += fmt::format("-{}", behind - 1);
    first = find_bit(bitmap, behind, true);
  }
  return text;
}

std::optional<std::string> reserved_ports(std::uint32_t state,
                                          std::span<const unsigned long long> bitmap) {
  if (state == SX_NETNS_PORTS_NONE) return "";
  if (state == SX_NETNS_PORTS_READ) return ports_text(bitmap);
  return std::nullopt;
}

std::optional<std::string> sysctl_text(const NetnsRecord& record, std::string_view path) {
  if (path == "sys/net/ipv4/ip_local_port_range") {
    return fmt::format("{}\t{}\n", record.first_port, record.last_port);
  }
  if (path == "sys/net/ipv4/ip_local_reserved_ports") {
    if (!record.reserved_ports) return std::nullopt;
    return *record.reserved_ports + "\n";
  }
  if (path == "sys/net/ipv4/tcp_tw_reuse_delay") {
    if (!record.tw_reuse_delay_ms) return std::nullopt;
    return fmt::format("{}\n", *record.tw_reuse_delay_ms);
  }
  const auto* const file = std::find_if(std::begin(kNumberFiles), std::end(kNumberFiles),
                                        [&](const NumberFile& f) { return f.path == path; });
  if (file == std::end(kNumberFiles)) return std::nullopt;
  return fmt::format("{}\n", record.*file->number);
}

}  // namespace socket_exporter
