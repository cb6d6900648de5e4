#include "exporter/diagnosis/netns_choice.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <string>

#include "collectors/base/text.h"
#include "exporter/config/flag_set.h"
#include "exporter/diagnosis/words.h"

namespace socket_exporter {
namespace {

constexpr std::size_t kNamedNetns = 6;
constexpr std::size_t kLongest = 100;

// `why` is empty, or what is wrong with the process of that number.
Error not_found(std::string_view wanted, std::span<const NetNs> all, const std::string& why) {
  std::vector<std::string> names;
  for (const NetNs& ns : all) names.push_back(printable(ns.name));
  const std::string given = shortened(printable(wanted), kLongest);
  const std::string nearest = why.empty() ? did_you_mean(given, names) : ".";
  const std::size_t more = names.size() - std::min(names.size(), kNamedNetns);
  names.resize(names.size() - more);
  return {Error::Kind::malformed,
          fmt::format("There is no network namespace \"{}\"{}{} There is: {}{}.", given,
                      why.empty() ? "" : " (" + why + ")", nearest, fmt::join(names, ", "),
                      more == 0 ? "" : fmt::format(" and {} more", grouped(more)))};
}

}  // namespace

Result<std::vector<NetNs>> choose_namespaces(Kernel& kernel, const Snapshot& snapshot,
                                             std::string_view wanted) {
  std::vector<NetNs> all = snapshot.scanned_namespaces();
  // Each is looked at by itself, also those that metrics have no room for.
  for (NetNs& ns : all) ns.shown = true;
  if (wanted == kAllNetns) return all;

  const auto one_that = [&](const auto& matches) -> std::vector<NetNs> {
    const auto found = std::find_if(all.begin(), all.end(), matches);
    if (found == all.end()) return {};
    return {*found};
  };
  auto chosen = one_that([&](const NetNs& ns) { return ns.name == wanted; });
  if (!chosen.empty()) return chosen;
  const auto pid = parse_number<std::uint32_t>(wanted);
  if (!pid) return not_found(wanted, all, "");
  const auto inode = kernel.netns_of(*pid);
  if (!inode) return not_found(wanted, all, printable(inode.error().what));
  chosen = one_that([&](const NetNs& ns) { return ns.inode == *inode; });
  if (!chosen.empty()) return chosen;
  return not_found(wanted, all,
                   fmt::format("the process is in net:[{}], which was not found", *inode));
}

}  // namespace socket_exporter
