#include "collectors/snapshot.h"

#include <fmt/format.h>

#include <algorithm>

#include "collectors/base/text.h"

namespace socket_exporter {

Snapshot::Snapshot(Kernel& kernel, std::vector<NetNs> namespaces, Deadline deadline,
                   const CollectorOptions& options, const ServiceMap& services, History& history)
    : kernel_(kernel),
      scanned_(std::move(namespaces)),
      deadline_(deadline),
      options_(options),
      services_(services),
      history_(history) {
  // The oldest come first, so those shown stay shown.
  for (NetNs& ns : scanned_) {
    ns.shown = namespaces_.size() < options.max_namespaces;
    if (ns.shown) namespaces_.push_back(ns);
  }
  if (namespaces_.size() < scanned_.size()) namespaces_.push_back({kOtherNetns, "other"});
}

void Snapshot::leave_out(std::span<const std::uint32_t> inodes) {
  std::erase_if(namespaces_, [&](const NetNs& ns) {
    return std::find(inodes.begin(), inodes.end(), ns.inode) != inodes.end();
  });
}

std::string_view Snapshot::name_of(std::uint32_t netns) const {
  for (const NetNs& ns : namespaces_) {
    if (ns.inode == netns) return ns.name;
  }
  for (const NetNs& ns : scanned_) {
    if (ns.inode == netns && !ns.shown) return "other";
  }
  return "unknown";
}

bool Snapshot::want_owner(const DestinationKey& destination) {
  if (wanted_.contains(destination)) return true;
  if (wanted_.size() >= kMostDestinations) return false;
  wanted_.insert(destination);
  return true;
}

const Result<Owners>& Snapshot::owners() {
  if (owners_ == nullptr) owners_ = &kernel_.scrape_owners(wanted_, deadline_);
  return *owners_;
}

const Result<std::string>& Snapshot::proc(const NetNs& ns, std::string_view path) {
  auto key = std::pair(ns.inode, std::string(path));
  const auto it = texts_.find(key);
  if (it != texts_.end()) return it->second;
  return texts_.emplace(std::move(key), kernel_.read_proc(ns, path)).first->second;
}

bool Snapshot::wants_netstat(std::string_view protocol, std::string_view name) {
  return history_.netstat_fields.wants(protocol, name, options_.netstat_fields);
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
