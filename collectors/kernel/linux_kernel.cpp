#include "collectors/kernel/linux_kernel.h"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <set>
#include <utility>

#include "collectors/kernel/entered_netns.h"
#include "collectors/kernel/netns_walk.h"
#include "collectors/kernel/proc_file.h"
#include "collectors/kernel/sock_diag.h"
#include "collectors/kernel/sockstat.h"

namespace socket_exporter {
namespace {

constexpr std::chrono::seconds kProbeTime{5};
constexpr std::chrono::seconds kWalkRest{60};

// Up to so many sockets on the host one inet_diag dump of the own namespace is cheaper than walks
// over all tables.
constexpr std::uint64_t kMany = 50'000;

Deadline in(std::chrono::seconds time) {
  return std::chrono::steady_clock::now() + time;
}

std::span<const SocketTable> tables_of(const FoundNetns& found) {
  if (!found.record) return {};
  return found.record->tables;
}

// An inode is used again, a cookie is not.
bool is_same_way(const FoundNetns& a, const FoundNetns& b) {
  return a.ns.cookie == b.ns.cookie && a.pid == b.pid && a.path == b.path;
}

std::int64_t sum_of(const std::string& text,
                    std::initializer_list<std::pair<std::string_view, std::string_view>> fields) {
  const auto values = parse_sockstat(text);
  std::int64_t sum = 0;
  if (!values) return 1;  // whatever it is, it has to be looked at
  for (const auto& [protocol, field] : fields) {
    sum += find_sockstat(*values, protocol, field).value_or(0);
  }
  return sum;
}

}  // namespace

LinuxKernel::LinuxKernel(KernelPaths paths, Followed followed)
    : paths_(std::move(paths)),
      finder_(paths_.procfs, paths_.run_netns, paths_.pod_logs),
      workloads_(paths_.procfs, paths_.pod_logs),
      owner_scan_(paths_.procfs, [this](std::uint32_t pid, std::uint64_t cgroup) {
        return workloads_.of(pid, cgroup);
      }) {
  // Before the walks with their large records: each load takes 8 MB for a moment.
  if (followed.connects) follow_connects(followed.responses);
  if (followed.binds) binds_.emplace(followed.system_calls);
  if (followed.websockets) {
    tls_.emplace(paths_.procfs, *followed.websockets);
    websockets_.emplace(paths_.procfs, *followed.websockets);
  }
  probe_diag();
  probe_walk();
}

void LinuxKernel::probe_diag() {
  const auto ignore = [](std::span<Socket>) {};
  auto diag = SockDiag::open();
  const auto ask = [&](std::string name, const auto& dump) {
    const Result<DiagReply> reply = diag ? dump(*diag) : Result<DiagReply>(diag.error());
    const bool on = static_cast<bool>(reply);
    diag_features_.push_back(
        {std::move(name), on, on ? "" : reply.error().what + "; reading /proc/net instead"});
    if (!on) diag = SockDiag::open();
    return on;
  };
  diag_offer_.tcp =
      ask("tcp_diag", [&](SockDiag& d) { return d.dump_tcp_listeners(in(kProbeTime), ignore); });
  diag_offer_.udp = ask(
      "udp_diag", [&](SockDiag& d) { return d.dump_udp(Family::ipv4, in(kProbeTime), ignore); });

  Feature bound{"bound_sockets", false, "needs tcp_diag"};
  if (diag_offer_.tcp) {
    const auto listed = lists_bound_sockets(*diag, in(kProbeTime));
    bound.on = listed && *listed;
    bound.reason = !listed   ? listed.error().what
                   : *listed ? ""
                             : "sockets that only called bind() are listed from Linux 6.8 on";
  }
  diag_features_.push_back(std::move(bound));
}

void LinuxKernel::probe_walk() {
  auto opened = WalkScan::open();
  walk_feature_.on = static_cast<bool>(opened);
  if (opened) {
    walk_ = std::move(*opened);
  } else {
    walk_feature_.reason = opened.error().what + "; reading each namespace by itself instead";
  }
}

std::vector<Feature> LinuxKernel::features() const {
  std::vector<Feature> all = diag_features_;
  all.push_back(walk_feature_);
  all.push_back(finder_.feature());
  all.push_back(owner_scan_.feature());
  all.insert(all.end(), connect_features_.begin(), connect_features_.end());
  if (searches_) all.push_back(searches_->feature());
  if (binds_) all.push_back(binds_->feature());
  if (websockets_) all.push_back(websockets_->feature());
  if (tls_) all.push_back(tls_->feature());
  return all;
}

Result<std::vector<NetNs>> LinuxKernel::namespaces() {
  auto found = finder_.find();
  if (!found) return found.error();
  std::map<std::uint32_t, Place> before = std::exchange(places_, {});
  std::vector<NetNs> namespaces;
  for (FoundNetns& one : *found) {
    const bool is_own = namespaces.empty();
    namespaces.push_back(one.ns);
    Place& place = places_[one.ns.inode];
    // A socket that stays open keeps its namespace alive: only as long as there is a way to it.
    const auto known = before.find(one.ns.inode);
    if (known != before.end() && is_same_way(known->second.found, one) && !one.path.empty()) {
      place.diag = std::move(known->second.diag);
    }
    place.is_own = is_own;
    place.found = std::move(one);
  }
  const auto gone = listed_.update(namespaces);
  if (walk_) walk_->forget(gone);
  owner_scan_.forget(gone);
  return namespaces;
}

Result<NetNs> LinuxKernel::own_namespace() {
  const auto inode = namespace_inode(fmt::format("{}/self/ns/net", paths_.procfs));
  if (!inode) return inode.error();
  const auto known = places_.find(*inode);
  if (known != places_.end() && known->second.is_own) return known->second.found.ns;
  const auto all = namespaces();
  if (!all) return all.error();
  return all->front();
}

Result<std::uint32_t> LinuxKernel::netns_of(std::uint32_t pid) {
  return namespace_inode(fmt::format("{}/{}/ns/net", paths_.procfs, pid));
}

Result<ProcessStat> LinuxKernel::process_stat(std::uint32_t pid) {
  const auto text = read_file(fmt::format("{}/{}/stat", paths_.procfs, pid));
  if (!text) return text.error();
  return parse_process_stat(*text);
}

LinuxKernel::Place* LinuxKernel::place_of(const NetNs& ns) {
  const auto found = places_.find(ns.inode);
  return found != places_.end() ? &found->second : nullptr;
}

// /proc/net is that of the thread-group leader, which never leaves the own namespace.
std::string LinuxKernel::procfs_of(const Place& place) const {
  return place.is_own ? paths_.procfs : fmt::format("{}/{}", paths_.procfs, place.found.pid);
}

Result<std::string> LinuxKernel::read_proc(const NetNs& ns, std::string_view path) {
  const Place* const place = place_of(ns);
  if (place == nullptr) return Error{Error::Kind::unavailable, ns.name + ": no such namespace"};
  if (place->is_own) return own_files_.read(fmt::format("{}/{}", paths_.procfs, path));
  if (place->found.record) {
    if (auto text = sysctl_text(*place->found.record, path)) return std::move(*text);
  }
  auto text = read_inside(*place, path);
  if (text || text.error().kind != Error::Kind::denied) return text;
  return Error{Error::Kind::unavailable, text.error().what};  // others are a bonus
}

// /proc/sys/net is that of the thread that opens a file there.
Result<std::string> LinuxKernel::read_inside(const Place& place, std::string_view path) const {
  const bool is_sysctl = path.starts_with("sys/");
  if (!is_sysctl && place.found.pid != 0) {
    return read_file(fmt::format("{}/{}", procfs_of(place), path));
  }
  if (place.found.path.empty()) {
    return Error{Error::Kind::unavailable,
                 place.found.ns.name + ": no process and no file leads there"};
  }
  const auto inside = EnteredNetns::enter(place.found.path, place.found.ns.inode);
  if (!inside) return inside.error();
  return read_file(is_sysctl ? fmt::format("{}/{}", paths_.procfs, path)
                             : fmt::format("{}/thread-self/{}", paths_.procfs, path));
}

Result<std::size_t> LinuxKernel::count_proc_entries(std::string_view path) {
  return count_entries(fmt::format("{}/{}", paths_.procfs, path));
}

Result<Owners> LinuxKernel::socket_owners(Deadline deadline) {
  return owner_scan_.with_inodes(deadline);
}

const Result<Owners>& LinuxKernel::scrape_owners(const DestinationSet& wanted, Deadline deadline) {
  return owner_scan_.for_scrape(wanted, deadline);
}

Result<ScanStats> LinuxKernel::scan_sockets(std::span<const NetNs> namespaces, Detail detail,
                                            Deadline deadline, const SocketSink& sink) {
  ScanPass pass(namespaces, sink);
  if (const auto scanned = scan(namespaces, detail, deadline, pass); !scanned) {
    return scanned.error();
  }
  return pass.stats();
}

// Of the walk only a passed deadline is an error. After any other what it handed over is thrown
// away as an interrupted pass, and those of the next minute do without it.
Result<> LinuxKernel::scan(std::span<const NetNs> namespaces, Detail detail, Deadline deadline,
                           ScanPass& pass) {
  if (walk_ && std::chrono::steady_clock::now() >= walk_again_) {
    auto walked = scan_by_walk(namespaces, detail, deadline, pass);
    if (walked) walk_feature_ = {walk_feature_.name, true, ""};
    if (walked || walked.error().kind == Error::Kind::timeout) return walked;
    pass.note_interrupted();
    if (walked.error().kind == Error::Kind::io) return {};  // a chain that never stood still
    give_walk_a_rest(walked.error().what);
    return {};
  }
  for (const NetNs& ns : namespaces) {
    Place* const place = place_of(ns);
    if (place == nullptr || !has_sockets(*place, detail)) continue;
    if (const auto scanned = scan_one(*place, detail, deadline, pass); !scanned) {
      return scanned.error();
    }
  }
  return {};
}

void LinuxKernel::give_walk_a_rest(const std::string& reason) {
  walk_again_ = in(kWalkRest);
  walk_feature_.on = false;
  walk_feature_.reason =
      reason + "; reading each namespace by itself, and trying again every minute";
}

// Other namespaces than the own are a bonus: what may not be read is left out, what broke off in
// the middle is begun anew.
Result<> LinuxKernel::scan_one(Place& place, Detail detail, Deadline deadline, ScanPass& pass) {
  const std::uint64_t before = pass.stats().sockets;
  auto scanned = scan_by_diag(place, detail, deadline, pass);
  if (scanned) return scanned;
  if (place.is_own || scanned.error().kind == Error::Kind::timeout) return scanned;
  if (pass.stats().sockets == before) {
    pass.note_unread(place.found.ns.inode);
  } else {
    pass.note_interrupted();
  }
  return {};
}

Result<> LinuxKernel::scan_by_walk(std::span<const NetNs> namespaces, Detail detail,
                                   Deadline deadline, ScanPass& pass) {
  const auto sockets = walk_->sockets(deadline);
  if (!sockets) return sockets.error();
  Place* const only = namespaces.size() == 1 ? place_of(namespaces.front()) : nullptr;
  if (only != nullptr && only->is_own && diag_offer_.tcp && dumps_few_ && *sockets < kMany) {
    return scan_few(*only, detail, deadline, pass);
  }
  const WalkFilter filter{only != nullptr ? only->found.ns.inode : WalkFilter::kAll,
                          detail == Detail::owners};
  const auto tables = other_tables();
  auto walked = walk_->scan(filter, detail, tables, deadline, pass);
  // The table of a namespace that ended meanwhile is no memory of sockets any more.
  if (!tables.empty() && !still_there(tables)) {
    pass.note_interrupted();
    return {};
  }
  return walked;
}

// One dump of the TCP sockets is cheaper than the walk here, two of the UDP sockets are not.
Result<> LinuxKernel::scan_few(Place& own, Detail detail, Deadline deadline, ScanPass& pass) {
  const std::uint32_t netns = own.found.ns.inode;
  if (detail != Detail::connections) {
    auto bound = walk_->scan_bound_ports(netns, deadline, pass);
    if (!bound) return bound;
  }
  auto dumped = diag_of(own).scan_tcp(detail, deadline, pass);
  if (dumped) return walk_->scan_udp({netns, detail == Detail::owners}, deadline, pass);
  if (dumped.error().kind == Error::Kind::timeout) return dumped;
  dumps_few_ = false;
  pass.note_interrupted();
  return {};
}

std::vector<SocketTable> LinuxKernel::other_tables() const {
  const auto is_own = [](const auto& entry) { return entry.second.is_own; };
  const auto own = std::find_if(places_.begin(), places_.end(), is_own);
  std::set<SocketTable> tables;
  for (const auto& [inode, place] : places_) {
    for (const SocketTable& table : tables_of(place.found)) tables.insert(table);
  }
  if (own != places_.end()) {
    for (const SocketTable& table : tables_of(own->second.found)) tables.erase(table);
  }
  return {tables.begin(), tables.end()};
}

bool LinuxKernel::still_there(std::span<const SocketTable> tables) {
  const auto found = finder_.find();
  if (!found) return false;
  std::set<SocketTable> known;
  for (const FoundNetns& one : *found) {
    for (const SocketTable& table : tables_of(one)) known.insert(table);
  }
  return std::includes(known.begin(), known.end(), tables.begin(), tables.end());
}

// A dump of an empty namespace goes through the sockets of all others, so it is left out. What only
// called bind() is counted among sockets of all kinds alone, where the kernel's own and TIME_WAIT
// are missing.
bool LinuxKernel::has_sockets(const Place& place, Detail detail) const {
  if (place.is_own || place.found.pid == 0) return true;
  const auto v4 = read_file(procfs_of(place) + "/net/sockstat");
  const auto v6 = read_file(procfs_of(place) + "/net/sockstat6");
  if (!v4) return true;
  const std::int64_t ours = place.diag && place.diag->is_open() ? 1 : 0;
  if (detail != Detail::connections && sum_of(*v4, {{"sockets", "used"}}) > ours) return true;
  return sum_of(*v4, {{"TCP", "inuse"}, {"TCP", "tw"}, {"UDP", "inuse"}}) > 0 ||
         (v6 && sum_of(*v6, {{"TCP6", "inuse"}, {"UDP6", "inuse"}}) > 0);
}

DiagScan& LinuxKernel::diag_of(Place& place) {
  if (!place.diag) {
    place.diag.emplace(place.found.ns.inode, place.is_own ? "" : place.found.path, procfs_of(place),
                       diag_offer_);
  }
  return *place.diag;
}

Result<> LinuxKernel::scan_by_diag(Place& place, Detail detail, Deadline deadline, ScanPass& pass) {
  DiagScan& diag = diag_of(place);
  const auto scanned = diag.scan_tcp(detail, deadline, pass);
  return scanned ? diag.scan_udp(deadline, pass) : scanned;
}

}  // namespace socket_exporter
