#include "exporter/diagnosis/overview.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "exporter/diagnosis/page.h"
#include "exporter/diagnosis/words.h"

namespace socket_exporter {
namespace {

/// With the headline and what is left out they fit the 24 lines that a terminal has at least.
constexpr std::size_t kRows = 16;

/// A line of the table, before it gets its widths.
struct Row {
  std::string netns;
  std::string pod;
  std::string tuple;
  std::string used;
  std::string sockets;
  std::string close_wait;
  std::string process;
};

Row row_of(const Report& report) {
  Row row;
  row.netns = printable(report.seen.ns.name);
  row.pod = to_string(report.seen.ns.workload);
  if (row.pod == row.netns) row.pod.clear();
  if (!report.seen.sockets) {
    row.process = report.headline;
    return row;
  }
  const SeenSockets& seen = *report.seen.sockets;
  std::uint64_t sockets = seen.udp;
  for (const std::uint32_t count : seen.states) sockets += count;
  row.tuple =
      fmt::format("{} %", seen.tuples.empty() ? 0 : seen.used_percent(seen.tuples.front().use));
  row.used = grouped(seen.tcp_ports.used);
  row.sockets = grouped(sockets);
  row.close_wait = grouped(count_of(seen.states, TcpState::close_wait));
  if (!seen.processes.empty()) {
    const ProcessName& top = seen.processes.front().process;
    row.process = fmt::format("{} (pid {})", top.comm, top.pid);
  }
  return row;
}

// The end of a name tells pods of one deployment apart.
std::string without_middle(std::string_view text, std::size_t width) {
  if (text.size() <= width) return std::string(text);
  const std::size_t tail = (width - 2) / 2;
  return fmt::format("{}..{}", text.substr(0, width - 2 - tail), text.substr(text.size() - tail));
}

std::string line_of(const Row& row, bool with_pods) {
  constexpr std::size_t kName = 24;
  constexpr std::size_t kPod = 18;
  const std::string pod =
      with_pods ? fmt::format(" {:<{}}", without_middle(row.pod, kPod), kPod) : "";
  return fmt::format("{:<{}}{} {:>5} {:>6} {:>9} {:>7}  {}", without_middle(row.netns, kName),
                     kName, pod, row.tuple, row.used, row.sockets, row.close_wait, row.process);
}

// "2 warning, 180 ok"
std::string statuses(std::span<const Report> reports) {
  std::array<std::size_t, 4> counts{};
  for (const Report& report : reports) ++counts[static_cast<std::size_t>(report.status)];
  std::string text;
  for (const Status status : {Status::critical, Status::warning, Status::unknown, Status::ok}) {
    const std::size_t count = counts[static_cast<std::size_t>(status)];
    if (count == 0) continue;
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", grouped(count), to_string(status));
  }
  return text;
}

void add_table(Page& page, std::span<const Report> reports) {
  const auto shown = reports.first(std::min(reports.size(), kRows));
  std::vector<Row> rows;
  std::transform(shown.begin(), shown.end(), std::back_inserter(rows), row_of);
  const bool with_pods =
      std::any_of(rows.begin(), rows.end(), [](const Row& row) { return !row.pod.empty(); });
  page.line("Status",
            line_of({"namespace", "pod", "tuple", "ports", "sockets", "cl_wait", "top process"},
                    with_pods));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    page.row(shown[i].status, line_of(rows[i], with_pods));
  }
  const auto rest = reports.subspan(shown.size());
  if (!rest.empty()) {
    page.line("", fmt::format("and {} more: {}", grouped(rest.size()), statuses(rest)));
  }
}

std::string headline(std::span<const Report> reports) {
  const Report& worst = reports.front();
  const std::string name = printable(worst.seen.ns.name);
  const std::string all =
      fmt::format("{}: {}", counted(reports.size(), "namespace"), statuses(reports));
  return worst.status == Status::ok ? fmt::format("{}; the fullest is {}.", all, name)
                                    : fmt::format("{}: {} ({})", name, worst.headline, all);
}

}  // namespace

std::string overview_text(std::span<const Report> reports, bool colours) {
  const Report& worst = reports.front();
  const auto readable = std::find_if(reports.begin(), reports.end(), [](const Report& report) {
    return static_cast<bool>(report.seen.sockets);
  });
  const Report& in_full = readable != reports.end() ? *readable : worst;
  Page page(colours);
  page.headline(worst.status, headline(reports));
  page.gap();
  add_table(page, reports);
  page.gap();
  page.line("In full", printable(in_full.seen.ns.name));
  return std::move(page).take() + report_text(in_full, colours);
}

}  // namespace socket_exporter
