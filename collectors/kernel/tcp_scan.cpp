#include "collectors/kernel/tcp_scan.h"

#include <algorithm>
#include <iterator>

namespace socket_exporter {
namespace {

using std::chrono::steady_clock;

// Up to here inet_diag is about as cheap as the walk, and finds bound-only sockets on its way.
// That look adds 0.06 ms on an idle host, but 110 ms beside a million sockets, and costs 200 ms
// as a dump of its own, for which the kernel goes through both of its tables.
constexpr std::uint64_t kMany = 50'000;
constexpr std::chrono::seconds kRareLook{60};

bool is_due(const std::optional<Deadline>& last) {
  return !last || steady_clock::now() - *last >= kRareLook;
}

}  // namespace

TcpScan::TcpScan() {
  auto opened = TcpWalk::open();
  feature_.on = static_cast<bool>(opened);
  if (opened) {
    walk_ = std::move(*opened);
  } else {
    feature_.reason = opened.error().what;
  }
}

Result<DiagReply> TcpScan::scan(SockDiag& diag, std::uint32_t netns, Detail detail,
                                Deadline deadline, const Sink& sink) {
  if (walk_ && is_due(counted_)) {
    if (const auto counted = count_all(deadline); !counted) return counted.error();
  }
  return last_.sockets < kMany ? scan_few(diag, detail, deadline, sink)
                               : scan_many(diag, netns, detail, deadline, sink);
}

// A dump passes by the sockets of all namespaces too, but does not say how many they are.
Result<> TcpScan::count_all(Deadline deadline) {
  return note(walk_->walk(0, lanes_for(last_), deadline, [](std::span<Socket>) {}));
}

Result<DiagReply> TcpScan::scan_few(SockDiag& diag, Detail detail, Deadline deadline,
                                    const Sink& sink) {
  std::uint64_t met = 0;
  const Sink counted = [&](std::span<Socket> sockets) {
    met += sockets.size();
    sink(sockets);
  };
  auto reply = detail == Detail::connections ? diag.dump_tcp_but_bound(deadline, counted)
                                             : diag.dump_tcp(deadline, counted);
  if (reply) last_.sockets = walk_ ? std::max(last_.sockets, met) : met;
  return reply;
}

Result<DiagReply> TcpScan::scan_many(SockDiag& diag, std::uint32_t netns, Detail detail,
                                     Deadline deadline, const Sink& sink) {
  DiagReply total;
  std::uint64_t met = 0;
  const auto counted = [&](std::span<Socket> sockets) {
    met += sockets.size();
    sink(sockets);
  };
  const auto add = [&](const Result<DiagReply>& part) {
    if (part) total.interrupted |= part->interrupted;
    return static_cast<bool>(part);
  };
  if (auto part = diag.dump_tcp_listeners(deadline, sink); !add(part)) return part;
  if (detail != Detail::connections) {
    if (auto part = scan_bound(diag, deadline, sink); !add(part)) return part;
  }
  if (walk_ && detail != Detail::owners) {
    if (auto part = walk(netns, deadline, sink); !add(part)) return part;
  } else {
    if (auto part = diag.dump_tcp_connected(deadline, counted); !add(part)) return part;
    if (!walk_) last_.sockets = met;
  }
  total.done = true;
  return total;
}

Result<DiagReply> TcpScan::scan_bound(SockDiag& diag, Deadline deadline, const Sink& sink) {
  if (!is_due(bound_seen_)) {
    std::vector<Socket> known = bound_;  // the sink may change what it is given
    if (!known.empty()) sink(known);
    return DiagReply{.done = true};
  }
  bound_.clear();
  auto reply = diag.dump_tcp_bound(deadline, [&](std::span<Socket> sockets) {
    bound_.insert(bound_.end(), sockets.begin(), sockets.end());
    sink(sockets);
  });
  if (reply && !reply->interrupted) bound_seen_ = steady_clock::now();
  return reply;
}

// When the walk fails, inet_diag takes its place: this scan counts as interrupted and is repeated.
Result<DiagReply> TcpScan::walk(std::uint32_t netns, Deadline deadline, const Sink& sink) {
  if (const auto walked = note(walk_->walk(netns, lanes_for(last_), deadline, sink)); !walked) {
    return walked.error();
  }
  return DiagReply{.done = true, .interrupted = !walk_};
}

// Only a passed deadline is an error of the scan; any other ends the use of the walk.
Result<> TcpScan::note(const Result<WalkStats>& walked) {
  if (walked) {
    last_ = *walked;
    counted_ = steady_clock::now();
    return {};
  }
  if (walked.error().kind == Error::Kind::timeout) return walked.error();
  walk_.reset();
  feature_.on = false;
  feature_.reason = walked.error().what;
  return {};
}

}  // namespace socket_exporter
