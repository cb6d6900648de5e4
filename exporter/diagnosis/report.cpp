#include "exporter/diagnosis/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <numeric>
#include <tuple>
#include <utility>

#include "collectors/kernel/process.h"
#include "exporter/diagnosis/opening_words.h"
#include "exporter/diagnosis/page.h"
#include "exporter/diagnosis/words.h"

namespace socket_exporter {
namespace {

constexpr std::size_t kTuples = 3;
constexpr std::size_t kOpenings = 3;
constexpr std::size_t kProcesses = 5;
constexpr std::size_t kListeners = 3;
constexpr std::size_t kBar = 30;

/// The states that tell causes apart, each with its letter in the bar.
struct BarState {
  TcpState state;
  char letter;
};
constexpr BarState kBarStates[] = {{TcpState::time_wait, 'T'},
                                   {TcpState::established, 'E'},
                                   {TcpState::close_wait, 'C'},
                                   {TcpState::syn_sent, 'S'}};
constexpr char kOtherState = 'o';

// TIME_WAIT sockets of the tuple whose port the kernel would give to a new connection.
std::uint64_t reusable_of(const TupleUse& use) {
  const auto sockets = std::accumulate(use.states.begin(), use.states.end(), std::uint64_t{0});
  return sockets > use.ports_used ? sockets - use.ports_used : 0;
}

// Filled as far as ports are used; each letter is the part of a state in that.
std::string bar(const TupleUse& use, std::uint64_t usable) {
  const auto filled = static_cast<std::size_t>(whole_percent(use.ports_used, usable)) * kBar / 100;
  std::string letters;
  for (const BarState& one : kBarStates) {
    std::uint64_t holders = count_of(use.states, one.state);
    if (one.state == TcpState::time_wait) holders -= std::min(holders, reusable_of(use));
    letters.append(holders * filled / std::max<std::uint64_t>(use.ports_used, 1), one.letter);
  }
  // What rounding took away belongs to the state that comes first.
  letters.resize(std::min(letters.size(), filled));
  const char first = letters.empty() ? kOtherState : letters.front();
  letters.insert(0, filled - letters.size(), first);
  return fmt::format("[{:.<{}}]", letters, kBar);
}

std::string states_text(const StateCounts& states) {
  std::vector<std::pair<std::uint32_t, std::string_view>> parts;
  for (std::size_t state = 1; state < kTcpStates; ++state) {
    if (states[state] > 0) parts.emplace_back(states[state], kTcpStateNames[state]);
  }
  std::sort(parts.begin(), parts.end(),
            [](const auto& a, const auto& b) { return a.first > b.first; });
  std::string text;
  for (const auto& [count, name] : parts) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", grouped(count), name);
  }
  return text;
}

// What the numbers of ports in use and usable do not tell.
void add_lost_ports(Page& page, const SeenSockets& sockets) {
  const std::uint32_t reusable = sockets.reusable_ports();
  const std::uint32_t bound = sockets.bound_ports();
  if (bound > 0) {
    page.line("", fmt::format("{} held by bind() or listen(), which connect() never takes",
                              counted(bound, "port")));
  }
  if (reusable > 0) {
    page.line("", fmt::format("{} in TIME_WAIT that connect() takes over, and bind(0) does not",
                              counted(reusable, "port")));
  }
}

// Few UDP ports are not worth a line.
void add_udp(Page& page, const SeenSockets& sockets) {
  if (!sockets.udp_matters()) return;
  const SeenHolder& holder = sockets.udp_holder;
  page.line("",
            fmt::format("UDP: {} of {} in use ({} %), for every destination{}",
                        grouped(sockets.udp_ports.used), grouped(sockets.udp_ports.usable),
                        sockets.udp_percent(),
                        holder.process.is_known() ? fmt::format("; {} by {}", grouped(holder.ports),
                                                                to_string(holder.process))
                                                  : ""));
}

void add_ports(Page& page, const SeenSockets& sockets) {
  page.line("Ports",
            fmt::format("{}-{}: {} ports, {} reserved, {} usable for connect(); {} in use ({} %)",
                        sockets.port_min, sockets.port_max, grouped(sockets.total_ports()),
                        grouped(sockets.reserved), grouped(sockets.tcp_ports.usable),
                        grouped(sockets.tcp_ports.used), sockets.used_percent()));
  add_lost_ports(page, sockets);
  add_udp(page, sockets);
  const auto shown = std::min(sockets.tuples.size(), kTuples);
  for (std::size_t i = 0; i < shown; ++i) {
    const SeenTuple& tuple = sockets.tuples[i];
    if (i > 0 && sockets.used_percent(tuple.use) == 0) break;  // nothing to worry about
    const std::string service = tuple.service.empty() ? "" : " (" + tuple.service + ")";
    const std::string numbers =
        fmt::format("{} of {} ports, {} %", grouped(tuple.use.ports_used),
                    grouped(sockets.tcp_ports.usable), sockets.used_percent(tuple.use));
    const std::string name =
        fmt::format("{} -> {}{}", to_string(tuple.key.source),
                    to_string(tuple.key.destination, tuple.key.destination_port), service);
    page.line(
        i == 0 ? "Fullest" : "",
        fmt::format("{}  {}", shortened(name, Page::kWidth - Page::kIndent - numbers.size() - 2),
                    numbers));
    const auto reusable = reusable_of(tuple.use);
    page.line(
        "", fmt::format(
                "{} {}{}", bar(tuple.use, sockets.tcp_ports.usable), states_text(tuple.use.states),
                reusable == 0 ? "" : fmt::format("; {} give their port back", grouped(reusable))));
  }
}

// Those who open most, whether anything of theirs is left or not.
void add_openings(Page& page, const Inspection& seen) {
  if (!seen.watch) return;
  const auto& openings = seen.watch->openings;
  for (std::size_t i = 0; i < std::min(openings.size(), kOpenings); ++i) {
    const SeenOpenings& one = openings[i];
    const std::string service = one.service.empty() ? "" : " (" + one.service + ")";
    page.paragraph(i == 0 ? "Opened" : "",
                   fmt::format("{}{} {}", to_string(one.destination.address, one.destination.port),
                               service, opening_line(*seen.watch, one)));
  }
}

void add_left_out(Page& page, const SeenLeftOut& left_out) {
  const std::pair<std::uint64_t, std::string_view> parts[] = {{left_out.tuples, "tuples"},
                                                              {left_out.sources, "sources"},
                                                              {left_out.peers, "peers"},
                                                              {left_out.close_waits, "CLOSE_WAIT"}};
  std::string text;
  for (const auto& [sockets, table] : parts) {
    if (sockets == 0) continue;
    text += fmt::format("{}{} of {}", text.empty() ? "" : ", ", counted(sockets, "socket"), table);
  }
  if (!text.empty()) page.paragraph("Left out", text + ": their tables are full.");
}

// "shop/cart-7d (inode 4026532201, container:0123456789ab)"
std::string netns_text(const NetNs& ns) {
  const std::string name = printable(ns.name);
  const std::string workload = to_string(ns.workload);
  return fmt::format("{} (inode {}{}{})", name, ns.inode,
                     workload.empty() || workload == name ? "" : ", ",
                     workload == name ? "" : workload);
}

void add_gaps(Page& page, const SeenGaps& gaps) {
  if (gaps.parts.empty()) return;
  page.paragraph("Missing",
                 fmt::format("{}: could not be read ({}).", fmt::join(gaps.parts, ", "), gaps.why));
}

std::string limit_text(const std::optional<std::uint64_t>& limit) {
  if (!limit) return "?";
  return *limit == kUnlimited ? "none" : grouped(*limit);
}

// Those with most sockets; at last the one with fewest descriptors left, where that is a finding.
std::vector<SeenProcess> processes_of(const Report& report) {
  std::vector<SeenProcess> processes = report.seen.sockets->processes;
  processes.resize(std::min(processes.size(), kProcesses));
  const auto is_about_descriptors = [](const Finding& f) { return f.cause == Cause::descriptors; };
  if (std::none_of(report.findings.begin(), report.findings.end(), is_about_descriptors)) {
    return processes;
  }
  const SeenProcess& fullest = report.seen.descriptors->processes.front();
  const auto is_it = [&](const SeenProcess& p) { return p.process.pid == fullest.process.pid; };
  if (std::none_of(processes.begin(), processes.end(), is_it)) processes.push_back(fullest);
  return processes;
}

void add_processes(Page& page, const Report& report) {
  const Inspection& seen = report.seen;
  const auto processes = processes_of(report);
  if (!processes.empty()) {
    page.line("Processes",
              fmt::format("{:>9} {:<16} {:>8} {:>11} {:>10} {:>8}  {}", "pid", "name", "sockets",
                          "established", "close_wait", "syn_sent", "open fds / limit"));
  }
  for (const SeenProcess& one : processes) {
    page.line("", fmt::format("{:>9} {:<16} {:>8} {:>11} {:>10} {:>8}  {} / {}", one.process.pid,
                              shortened(one.process.comm, 16), grouped(one.sockets()),
                              grouped(count_of(one.tcp, TcpState::established)),
                              grouped(count_of(one.tcp, TcpState::close_wait)),
                              grouped(count_of(one.tcp, TcpState::syn_sent)), grouped(one.open_fds),
                              limit_text(one.fds_limit)));
    const std::string workload = to_string(one.process.workload);
    if (!workload.empty() && workload != to_string(seen.ns.workload)) {
      page.line("", fmt::format("{:>9} in {}", "", workload));
    }
  }
  if (seen.unreadable_processes > 0) {
    page.line(processes.empty() ? "Processes" : "",
              fmt::format("{} more could not be looked into, for lack of permission",
                          grouped(seen.unreadable_processes)));
  }
  if (seen.owners_error) page.line("Processes", printable(seen.owners_error->what));
}

void add_listeners(Page& page, const Inspection& seen) {
  const auto& listeners = seen.sockets->listeners;
  std::string_view heading = "Listeners";
  for (std::size_t i = 0; i < std::min(listeners.size(), kListeners); ++i) {
    const SeenListener& one = listeners[i];
    const bool has_limit = one.limit != kQueueLimitUnknown;
    page.line(heading,
              fmt::format("{}  {} of {} wait for accept(){}{}", to_string(one.address, one.port),
                          grouped(one.waiting), has_limit ? grouped(one.limit) : "?",
                          one.is_full() ? ": FULL" : "",
                          one.process.is_known() ? "  " + to_string(one.process) : ""));
    heading = "";
  }
  if (seen.limits.listen_overflows && *seen.limits.listen_overflows > 0) {
    page.line(heading, fmt::format("since boot: {} overflows, {} drops",
                                   grouped(*seen.limits.listen_overflows),
                                   grouped(seen.limits.listen_drops.value_or(0))));
  }
}

void add_sysctls(Page& page, const Inspection& seen) {
  std::string text;
  for (const SeenSysctl& one : seen.sysctls) {
    std::string_view name = one.name;
    name.remove_prefix(name.rfind('.') + 1);
    text += fmt::format("{}{}={}", text.empty() ? "" : ", ", name,
                        one.value.empty() ? "none" : shortened(one.value, 40));
  }
  page.paragraph("Sysctls", text);
}

void add_causes(Page& page, const Report& report) {
  for (std::size_t i = 0; i < report.findings.size(); ++i) {
    const Finding& finding = report.findings[i];
    // The rest of the causes on one line each: the first one's steps come first.
    if (i > 0) {
      page.paragraph(i == 1 ? "Also" : "", finding.headline);
      continue;
    }
    page.paragraph("Cause", finding.explanation);
    std::string_view heading = "Do";
    for (const std::string& step : finding.steps) {
      page.paragraph(heading, step);
      heading = "";
    }
    const std::string where = where_to_run(report.seen, finding);
    if (!where.empty()) page.paragraph("", where);
  }
}

std::vector<WebsocketSeries> series_of(const WebsocketReading& reading, const NetNs& ns) {
  std::vector<WebsocketSeries> series;
  std::copy_if(reading.series.begin(), reading.series.end(), std::back_inserter(series),
               [&](const WebsocketSeries& one) { return one.netns == ns.name; });
  return series;
}

// Worst highest.
auto rank(const Report& report) {
  int tuple = 0;
  int used = 0;
  if (report.seen.sockets) {
    const SeenSockets& sockets = *report.seen.sockets;
    if (!sockets.tuples.empty()) tuple = sockets.used_percent(sockets.tuples.front().use);
    used = sockets.used_percent();
  }
  return std::tuple(gravity(report.status), tuple, used);
}

}  // namespace

Report judge_report(Inspection seen, const CheckThresholds& chosen) {
  Report report;
  report.seen = std::move(seen);
  if (!report.seen.sockets) {
    report.headline =
        printable(fmt::format("Could not be read: {}.", report.seen.sockets.error().what));
    return report;
  }
  report.findings = find_causes(report.seen, chosen);
  report.status = report.findings.empty() ? Status::ok : report.findings.front().status;
  report.headline =
      report.findings.empty() ? calm_headline(report.seen) : report.findings.front().headline;
  return report;
}

std::vector<Report> make_reports(Kernel& kernel, Snapshot& snapshot,
                                 std::span<const NetNs> namespaces, const CheckThresholds& chosen,
                                 const Result<Observation>* observed) {
  const Needs everything{.sockets = true, .descriptors = true, .conntrack = true, .settings = true};
  const auto websockets = read_websockets(snapshot, {});
  std::vector<Report> reports;
  for (Inspection& seen : inspect(kernel, snapshot, namespaces, everything)) {
    if (observed != nullptr && *observed) {
      seen.watch = watch_of(**observed, seen.ns, snapshot.services());
    } else if (observed != nullptr) {
      seen.gaps.add("who opens connections", observed->error());
    }
    if (websockets) seen.websockets = series_of(*websockets, seen.ns);
    reports.push_back(judge_report(std::move(seen), chosen));
  }
  std::stable_sort(reports.begin(), reports.end(),
                   [](const Report& a, const Report& b) { return rank(a) > rank(b); });
  return reports;
}

std::string where_to_run(const Inspection& seen, const Finding& finding) {
  if (seen.is_own || !finding.is_inside) return {};
  return seen.inside_pid == 0
             ? "Commands are for inside the namespace (ip netns exec, or nsenter --net)."
             : fmt::format("Commands are for inside the namespace: nsenter --target {} --net ...",
                           seen.inside_pid);
}

std::string report_text(const Report& report, bool colours) {
  Page page(colours);
  page.headline(report.status, report.headline);
  if (!report.seen.is_own) page.paragraph("Netns", netns_text(report.seen.ns));
  if (!report.seen.sockets) {
    // What is denied of another namespace is unavailable.
    const Error::Kind kind = report.seen.sockets.error().kind;
    if (kind == Error::Kind::denied || kind == Error::Kind::unavailable) {
      page.paragraph("Do", "Run it as root of the host, outside of any container.");
    }
    return std::move(page).take();
  }
  add_gaps(page, report.seen.gaps);
  add_causes(page, report);
  page.gap();
  add_ports(page, *report.seen.sockets);
  add_openings(page, report.seen);
  add_left_out(page, report.seen.sockets->left_out);
  page.gap();
  add_processes(page, report);
  add_listeners(page, report.seen);
  add_sysctls(page, report.seen);
  return std::move(page).take();
}

}  // namespace socket_exporter
