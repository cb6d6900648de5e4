#include "collectors/snapshot.h"

#include <fmt/format.h>

#include "collectors/base/text.h"

namespace socket_exporter {

std::string_view Snapshot::name_of(std::uint32_t netns) const {
  for (const NetNs& ns : namespaces_) {
    if (ns.inode == netns) return ns.name;
  }
  return "unknown";
}

const Result<std::string>& Snapshot::proc(const NetNs& ns, std::string_view path) {
  auto key = std::pair(ns.inode, std::string(path));
  const auto it = texts_.find(key);
  if (it != texts_.end()) return it->second;
  return texts_.emplace(std::move(key), kernel_.read_proc(ns, path)).first->second;
}

Result<std::int64_t> Snapshot::sysctl(const NetNs& ns, std::string_view path) {
  const auto& text = proc(ns, path);
  if (!text) return text.error();
  const auto value = parse_number<std::int64_t>(trim(*text));
  if (!value) {
    return Error{Error::Kind::malformed, fmt::format("{}: \"{}\" is no number", path, trim(*text))};
  }
  return *value;
}

}  // namespace socket_exporter
