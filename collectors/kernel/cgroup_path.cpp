#include "collectors/kernel/cgroup_path.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <tuple>
#include <utility>

#include "collectors/base/text.h"

namespace socket_exporter {
namespace {

constexpr std::size_t kFullId = 64;
constexpr std::size_t kShortId = 12;
constexpr std::size_t kDashedUid = 36;
constexpr std::size_t kPlainUid = 32;

// What may stand before an id and a dash. A monitor is as good as its container.
constexpr std::string_view kRuntimes[] = {
    "conmon", "containerd",    "cri-containerd", "crio",    "crio-conmon", "docker",
    "libpod", "libpod-conmon", "libpod-payload", "nerdctl", "podman",
};
// The child of such a cgroup is a container by its name.
constexpr std::string_view kParentsOfNames[] = {"garden", "lxc", "lxc.monitor", "lxc.payload"};
// The same in one word.
constexpr std::string_view kBeforeNames[] = {"lxc.monitor.", "lxc.payload."};

template <typename Words>
bool contains(const Words& words, std::string_view word) {
  return std::find(std::begin(words), std::end(words), word) != std::end(words);
}

bool is_hex(std::string_view word) {
  return word.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool is_container_name(std::string_view word) {
  constexpr std::string_view kAllowed =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
  return !word.empty() && word != ".." &&
         word.find_first_not_of(kAllowed) == std::string_view::npos;
}

// "cri-containerd-<id>.scope", "<id>", "kubepods-pod<uid>.slice:cri-containerd:<id>"
std::string_view container_id(std::string_view segment) {
  if (segment.ends_with(".scope")) segment.remove_suffix(std::string_view(".scope").size());
  if (segment.size() < kFullId) return {};
  const std::string_view id = segment.substr(segment.size() - kFullId);
  if (!is_hex(id)) return {};
  std::string_view before = segment.substr(0, segment.size() - kFullId);
  if (before.empty()) return id.substr(0, kShortId);
  if (before.back() != '-' && before.back() != ':') return {};
  before.remove_suffix(1);
  before.remove_prefix(before.rfind(':') + 1);  // npos + 1 is 0
  return contains(kRuntimes, before) ? id.substr(0, kShortId) : std::string_view{};
}

std::string_view container_name(std::string_view parent, std::string_view segment) {
  if (contains(kParentsOfNames, parent)) return is_container_name(segment) ? segment : "";
  for (const std::string_view before : kBeforeNames) {
    if (!segment.starts_with(before)) continue;
    const std::string_view name = segment.substr(before.size());
    return is_container_name(name) ? name : "";
  }
  return {};
}

std::string to_dashes(std::string_view uid) {
  std::string text(uid);
  std::replace(text.begin(), text.end(), '_', '-');
  return text;
}

// "pod<uid>", "kubelet-kubepods-besteffort-pod<uid>.slice", "kubepods-pod<uid>.slice:crio:<id>"
std::string pod_uid(std::string_view segment) {
  const auto slice = segment.find(".slice");
  std::string_view unit = segment.substr(0, slice);
  if (slice == std::string_view::npos) unit = segment.substr(0, segment.find(':'));
  for (const std::size_t length : {kDashedUid, kPlainUid}) {
    if (unit.size() < length) continue;
    std::string uid = to_dashes(unit.substr(unit.size() - length));
    const std::string_view before = unit.substr(0, unit.size() - length);
    if (is_pod_uid(uid) && (before == "pod" || before.ends_with("-pod"))) return uid;
  }
  return {};
}

void note_segment(std::string_view parent, std::string_view segment, CgroupIds& ids) {
  if (std::string uid = pod_uid(segment); !uid.empty()) {
    ids.pod_uid = std::move(uid);
    ids.container.clear();  // what is around a pod, such as the container of its kubelet
  }
  std::string_view container = container_id(segment);
  if (container.empty()) container = container_name(parent, segment);
  if (!container.empty()) ids.container = container;
}

// Behind the second colon: a path may have more of them.
std::optional<std::string_view> path_of(std::string_view line) {
  constexpr std::string_view kDeleted = " (deleted)";
  for (int field = 0; field < 2; ++field) {
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    line.remove_prefix(colon + 1);
  }
  if (line.ends_with(kDeleted)) line.remove_suffix(kDeleted.size());
  return line;
}

}  // namespace

bool is_pod_uid(std::string_view word) {
  if (word.size() == kPlainUid) return is_hex(word);
  if (word.size() != kDashedUid) return false;
  for (std::size_t i = 0; i < word.size(); ++i) {
    const bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (is_dash ? word[i] != '-' : !is_hex(word.substr(i, 1))) return false;
  }
  return true;
}

// "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1f0a2b3c_4d5e_6f70_8192_a3b4c5d6
// e7f8.slice/cri-containerd-5f1c….scope"
CgroupIds parse_cgroup_path(std::string_view path) {
  CgroupIds ids;
  std::string_view parent;
  while (!path.empty()) {
    const std::string_view segment = path.substr(0, path.find('/'));
    path.remove_prefix(std::min(segment.size() + 1, path.size()));
    note_segment(parent, segment, ids);
    parent = segment;
  }
  return ids;
}

// "12:memory:/docker/5f1c…" (v1) or "0::/system.slice/docker-5f1c….scope" (v2)
ProcessCgroup parse_process_cgroup(std::string_view text) {
  const auto worth = [](const CgroupIds& ids, std::string_view path) {
    return std::tuple(!ids.container.empty() + !ids.pod_uid.empty(), path.size());
  };
  ProcessCgroup best;
  std::string_view best_path;
  CgroupIds of_v2;
  bool has_v1 = false;
  while (!text.empty()) {
    const std::string_view line = next_line(text);
    const auto path = path_of(line);
    if (!path) continue;
    CgroupIds ids = parse_cgroup_path(*path);
    const bool is_v2 = line.starts_with("0::");
    if (is_v2) of_v2 = ids;
    has_v1 |= !is_v2;
    if (worth(ids, *path) <= worth(best.ids, best_path)) continue;
    best.ids = std::move(ids);
    best_path = *path;
  }
  best.same_in_v2 = !has_v1 || (best.ids == of_v2 && of_v2 != CgroupIds{});
  return best;
}

}  // namespace socket_exporter
