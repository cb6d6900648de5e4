#include "collectors/kernel/found_netns.h"

#include <fmt/format.h>

#include <unordered_set>

#include "collectors/base/utf8.h"

namespace socket_exporter {
namespace {

constexpr std::string_view kByInode = "net:[";

// Of what is beyond ASCII only U+0080 to U+009F are control characters.
bool is_control(std::string_view character) {
  const auto byte_at = [&](std::size_t i) { return static_cast<unsigned char>(character[i]); };
  if (character.size() == 1) return byte_at(0) < ' ' || byte_at(0) == 0x7F;
  return character.size() == 2 && byte_at(0) == 0xC2 && byte_at(1) < 0xA0;
}

// A file's name may be of any bytes.
std::string printable(std::string_view text) {
  std::string clean;
  while (!text.empty()) {
    const bool is_ascii = static_cast<unsigned char>(text.front()) < 0x80;
    const std::size_t length = is_ascii ? 1 : utf8_length(text);
    const std::string_view character = text.substr(0, length);
    clean += length == 0 || is_control(character) ? kUtf8Replacement : character;
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return clean;
}

std::string name_by_inode(std::uint32_t inode) {
  return fmt::format("{}{}]", kByInode, inode);
}

}  // namespace

std::string netns_name(std::uint32_t inode, std::string_view file, const Workload& workload) {
  const bool is_pod = !workload.pod.empty();
  // A file could bear the name that another namespace has by its inode.
  const bool is_named = !file.empty() && !file.starts_with(kByInode);
  if (is_named && !(is_pod && file.starts_with("cni-"))) return printable(file);
  if (is_pod) return fmt::format("{}/{}", workload.pod_namespace, workload.pod);
  if (!workload.container.empty()) return "container:" + workload.container;
  return name_by_inode(inode);
}

void make_names_unique(std::vector<FoundNetns>& all) {
  if (all.empty()) return;
  // The metrics call those beyond the limit "other", and those that just ended "unknown".
  std::unordered_set<std::string> taken{all.front().ns.name, "other", "unknown"};
  for (std::size_t i = all.size() - 1; i > 0; --i) {
    NetNs& ns = all[i].ns;
    if (!taken.insert(ns.name).second) ns.name = name_by_inode(ns.inode);
  }
}

}  // namespace socket_exporter
