#include "collectors/kernel/walk_scan.h"

#include <utility>

namespace socket_exporter {
namespace {

using std::chrono::steady_clock;

constexpr SocketTable kCommon{Protocol::tcp};
constexpr SocketTable kCommonUdp{Protocol::udp};

// The look for bound-only sockets goes through all that servers have accepted.
constexpr std::uint64_t kMany = 50'000;
constexpr std::chrono::seconds kRareLook{60};

bool is_due(const std::optional<Deadline>& last) {
  return !last || steady_clock::now() - *last >= kRareLook;
}

SocketWalk::Sink into(ScanPass& pass) {
  return [&pass](std::span<Socket> sockets) { pass.add(sockets); };
}

SocketWalk::PortSink ports_into(ScanPass& pass) {
  return [&pass](std::uint32_t netns, std::uint16_t port) { pass.add_bound_port(netns, port); };
}

Result<> note(const Result<WalkStats>& walked, ScanPass& pass) {
  if (!walked) return walked.error();
  pass.note_restarts(walked->restarts);
  pass.note_unread_ports(walked->unread_ports);
  return {};
}

}  // namespace

Result<WalkScan> WalkScan::open() {
  auto walk = SocketWalk::open();
  if (!walk) return walk.error();
  return WalkScan(std::move(*walk));
}

Result<std::uint64_t> WalkScan::sockets(Deadline deadline) {
  if (is_due(counted_)) {
    const auto walked =
        walk_.sockets(kCommon, {WalkFilter::kNone}, deadline, [](std::span<Socket>) {});
    if (!walked) return walked.error();
    note_common(*walked);
  }
  return sockets_;
}

Result<> WalkScan::scan_bound_ports(std::uint32_t netns, Deadline deadline, ScanPass& pass) {
  return note(walk_.bound({netns}, deadline, ports_into(pass), nullptr), pass);
}

Result<> WalkScan::scan(const WalkFilter& filter, Detail detail,
                        std::span<const SocketTable> tables, Deadline deadline, ScanPass& pass) {
  auto result = note(walk_.listeners(filter, deadline, into(pass)), pass);
  if (result && detail != Detail::connections) result = scan_bound(filter, deadline, pass);
  if (result) result = scan_table(filter, kCommon, deadline, pass);
  if (result) result = scan_udp(filter, deadline, pass);
  for (const SocketTable& table : tables) {
    if (result) result = scan_table(filter, table, deadline, pass);
  }
  return result;
}

Result<> WalkScan::scan_udp(const WalkFilter& filter, Deadline deadline, ScanPass& pass) {
  return scan_table(filter, kCommonUdp, deadline, pass);
}

// Once a minute where there are many: in between, those that were found last are told again.
Result<> WalkScan::scan_bound(const WalkFilter& filter, Deadline deadline, ScanPass& pass) {
  const bool is_for_all = filter.netns == WalkFilter::kAll;
  if (is_for_all && sockets_ >= kMany && !is_due(bound_seen_)) {
    std::vector<Socket> known = bound_;  // the pass may change what it is given
    pass.add(known);
    pass.note_unread_ports(unread_ports_);
    return note(walk_.bound(filter, deadline, ports_into(pass), nullptr), pass);
  }
  std::vector<Socket> found;
  const SocketWalk::Sink keep = [&](std::span<Socket> sockets) {
    found.insert(found.end(), sockets.begin(), sockets.end());
  };
  const auto walked = walk_.bound(filter, deadline, ports_into(pass), &keep);
  if (!walked) return walked.error();
  if (is_for_all) {
    bound_ = found;
    unread_ports_ = walked->unread_ports;
    bound_seen_ = steady_clock::now();
  }
  pass.add(found);
  return note(walked, pass);
}

void WalkScan::forget(const std::set<std::uint32_t>& netns) {
  std::erase_if(bound_, [&](const Socket& socket) { return netns.contains(socket.netns); });
}

Result<> WalkScan::scan_table(const WalkFilter& filter, const SocketTable& table, Deadline deadline,
                              ScanPass& pass) {
  const auto walked = walk_.sockets(table, filter, deadline, into(pass));
  if (walked && table == kCommon) note_common(*walked);
  return note(walked, pass);
}

void WalkScan::note_common(const WalkStats& walked) {
  sockets_ = walked.sockets;
  counted_ = steady_clock::now();
}

}  // namespace socket_exporter
