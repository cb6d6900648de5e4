#include "exporter/diagnosis/census_pass.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "exporter/diagnosis/socket_census.h"

namespace socket_exporter {
namespace {

/// A kernel under load may interrupt a pass; three in a row is a failure.
constexpr int kScanTries = 3;

/// A census for each namespace whose ports are known; the others have an error.
class CensusPass {
 public:
  CensusPass(std::span<const NetNs> namespaces, Snapshot& snapshot, const Owners& owners) {
    for (const NetNs& ns : namespaces) {
      auto space = read_port_space(snapshot, ns);
      if (!space) {
        errors_.emplace(ns.inode, space.error());
        continue;
      }
      censuses_.try_emplace(ns.inode, owners, **space, room_);
      usage_.add_namespace(ns, std::move(*space));
      readable_.push_back(ns);
    }
  }
  CensusPass(const CensusPass&) = delete;  // the censuses refer to its room
  CensusPass& operator=(const CensusPass&) = delete;

  std::span<const NetNs> readable() const { return readable_; }
  void see(std::span<const Socket> sockets);
  void note_unread(std::uint32_t netns) {
    errors_.emplace(netns, Error{Error::Kind::denied, "its sockets may not be looked at"});
  }
  std::vector<Result<SeenSockets>> finish(std::span<const NetNs> namespaces,
                                          const ServiceMap& services);

  /// The same answer for all that have no error of their own.
  std::vector<Result<SeenSockets>> fail(std::span<const NetNs> namespaces, const Error& error) {
    for (const NetNs& ns : namespaces) errors_.emplace(ns.inode, error);
    return finish(namespaces, {});
  }

 private:
  CensusRoom room_;
  std::unordered_map<std::uint32_t, SocketCensus> censuses_;  ///< by inode
  std::unordered_map<std::uint32_t, Error> errors_;           ///< by inode
  std::vector<NetNs> readable_;
  PortUsage usage_;
};

// Sockets of a namespace mostly come one after another.
void CensusPass::see(std::span<const Socket> sockets) {
  usage_.see(sockets);
  while (!sockets.empty()) {
    const std::uint32_t netns = sockets.front().netns;
    const auto end = std::find_if(sockets.begin(), sockets.end(),
                                  [&](const Socket& socket) { return socket.netns != netns; });
    const auto length = static_cast<std::size_t>(end - sockets.begin());
    const auto census = censuses_.find(netns);
    if (census != censuses_.end()) census->second.see(sockets.first(length));
    sockets = sockets.subspan(length);
  }
}

std::vector<Result<SeenSockets>> CensusPass::finish(std::span<const NetNs> namespaces,
                                                    const ServiceMap& services) {
  std::unordered_map<std::uint32_t, std::vector<TupleEntry>> tuples;
  for (const auto& tuple : usage_.tuples()) tuples[tuple.first.netns].push_back(&tuple);
  std::vector<Result<SeenSockets>> seen;
  for (const NetNs& ns : namespaces) {
    const auto error = errors_.find(ns.inode);
    if (error != errors_.end()) {
      seen.emplace_back(error->second);
      continue;
    }
    seen.emplace_back(
        std::move(censuses_.at(ns.inode)).finish(usage_, tuples[ns.inode], ns, services));
  }
  return seen;
}

}  // namespace

std::vector<Result<SeenSockets>> see_sockets(Kernel& kernel, Snapshot& snapshot,
                                             std::span<const NetNs> namespaces,
                                             const Owners& owners) {
  for (int tries = 1;; ++tries) {
    CensusPass pass(namespaces, snapshot, owners);
    if (pass.readable().empty()) return pass.finish(namespaces, {});
    const auto stats =
        kernel.scan_sockets(pass.readable(), Detail::owners, snapshot.deadline(),
                            [&](std::span<const Socket> sockets) { pass.see(sockets); });
    if (!stats) return pass.fail(namespaces, stats.error());
    for (const std::uint32_t netns : stats->unread) pass.note_unread(netns);
    if (!stats->interrupted) return pass.finish(namespaces, snapshot.services());
    if (tries == kScanTries) {
      return pass.fail(namespaces, {Error::Kind::io, "the socket table changed during each scan"});
    }
  }
}

}  // namespace socket_exporter
