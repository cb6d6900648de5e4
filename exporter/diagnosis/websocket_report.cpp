#include "exporter/diagnosis/websocket_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "collectors/websocket_names.h"
#include "exporter/diagnosis/json.h"
#include "exporter/diagnosis/page.h"
#include "exporter/diagnosis/words.h"

namespace socket_exporter {
namespace {

/// Servers shown; JSON has all.
constexpr std::size_t kServers = 10;

std::string seconds_text(const WebsocketWatch& watch) {
  return fmt::format("{:.3g} s", watch.time.count());
}

std::string calm_headline(const WebsocketWatch& watch) {
  if (watch.servers.empty()) {
    return fmt::format("No WebSocket connection was seen in {}.", seconds_text(watch));
  }
  return fmt::format("{} {}, and nothing unusual in {}.",
                     counted(watch.servers.size(), "WebSocket server"),
                     watch.servers.size() == 1 ? "was seen" : "were seen", seconds_text(watch));
}

Status status_of(const std::vector<WebsocketFinding>& findings) {
  return findings.empty() ? Status::ok : findings.front().status;
}

std::string headline_of(const WebsocketWatch& watch,
                        const std::vector<WebsocketFinding>& findings) {
  return findings.empty() ? calm_headline(watch) : findings.front().headline;
}

// "12 normal (client), 3 abnormal_reset (client)", most first.
std::string closes_text(const SeenWebsockets& server) {
  std::vector<std::pair<std::uint64_t, std::string>> all;
  for (std::size_t reason = 0; reason < SX_CLOSE_REASONS; ++reason) {
    for (std::size_t by = 0; by < SX_INITIATORS; ++by) {
      const std::uint64_t count = server.counts.closed[reason][by];
      if (count == 0) continue;
      all.emplace_back(count, fmt::format("{} {} ({})", grouped(count), kCloseReasons[reason],
                                          by == SX_BY_NONE ? "neither" : kInitiators[by]));
    }
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  std::string text;
  for (const auto& [count, words] : all) text += (text.empty() ? "" : ", ") + words;
  return text;
}

std::string errors_text(const SeenWebsockets& server) {
  std::string text;
  for (std::size_t error = 0; error < SX_HANDSHAKE_ERRORS; ++error) {
    const std::uint64_t count = server.counts.errors[error];
    if (count == 0) continue;
    text +=
        fmt::format("{}{} {}", text.empty() ? "" : ", ", grouped(count), kHandshakeErrors[error]);
  }
  return text;
}

std::uint64_t messages(const SeenWebsockets& server, sx_websocket_direction direction) {
  return server.counts.messages[direction][SX_TEXT] + server.counts.messages[direction][SX_BINARY];
}

void add_server(Page& page, const SeenWebsockets& server) {
  const auto& counts = server.counts;
  page.gap();
  page.paragraph(
      "Server", fmt::format("{}: {} open, {} opened, {} found open, {} ended", to_string(server),
                            grouped(server.open()), grouped(counts.opened), grouped(counts.adopted),
                            grouped(server.closed())));
  page.paragraph(
      "", fmt::format("{} in, {} out; {} and {} bytes", counted(messages(server, SX_IN), "message"),
                      grouped(messages(server, SX_OUT)), grouped(counts.bytes[SX_IN]),
                      grouped(counts.bytes[SX_OUT])));
  if (server.closed() > 0) page.paragraph("Ended", closes_text(server));
  if (const auto errors = errors_text(server); !errors.empty()) page.paragraph("Failed", errors);
}

Json server_json(const SeenWebsockets& server) {
  Json json;
  json["netns"] = server.netns;
  json["workload"] = server.workload;
  json["port"] = server.port;
  if (server.tls) json["tls"] = true;
  json["open"] = server.open();
  json["opened"] = server.counts.opened;
  json["foundOpen"] = server.counts.adopted;
  json["ended"] = Json::array();
  for (std::size_t reason = 0; reason < SX_CLOSE_REASONS; ++reason) {
    for (std::size_t by = 0; by < SX_INITIATORS; ++by) {
      const std::uint64_t count = server.counts.closed[reason][by];
      if (count == 0) continue;
      json["ended"].push_back(
          {{"reason", kCloseReasons[reason]}, {"initiator", kInitiators[by]}, {"count", count}});
    }
  }
  json["handshakeErrors"] = Json::object();
  for (std::size_t error = 0; error < SX_HANDSHAKE_ERRORS; ++error) {
    json["handshakeErrors"][std::string(kHandshakeErrors[error])] = server.counts.errors[error];
  }
  for (std::size_t direction = 0; direction < SX_DIRECTIONS; ++direction) {
    const std::string name(kDirections[direction]);
    json["messages"][name] = messages(server, static_cast<sx_websocket_direction>(direction));
    json["bytes"][name] = server.counts.bytes[direction];
  }
  json["slowConnections"] = server.full;
  json["slowBytes"] = server.waiting;
  return json;
}

}  // namespace

std::string websocket_text(const WebsocketWatch& watch, bool colours) {
  const auto findings = find_websocket_causes(watch);
  Page page(colours);
  page.headline(status_of(findings), headline_of(watch, findings));
  for (std::size_t i = 0; i < findings.size(); ++i) {
    if (i > 0) page.paragraph("Also", findings[i].headline);
    page.paragraph("Cause", findings[i].explanation);
    std::string_view heading = "Do";
    for (const std::string& step : findings[i].steps) {
      page.paragraph(heading, step);
      heading = "";
    }
  }
  const std::size_t shown = std::min(watch.servers.size(), kServers);
  for (std::size_t i = 0; i < shown; ++i) add_server(page, watch.servers[i]);
  if (shown < watch.servers.size()) {
    page.gap();
    page.line("", fmt::format("and {} more", watch.servers.size() - shown));
  }
  page.gap();
  page.line("Watched", seconds_text(watch));
  return std::move(page).take();
}

std::string websocket_json(const WebsocketWatch& watch) {
  const auto findings = find_websocket_causes(watch);
  Json json;
  json["status"] = to_string(status_of(findings));
  json["headline"] = headline_of(watch, findings);
  json["seconds"] = watch.time.count();
  json["findings"] = Json::array();
  for (const WebsocketFinding& finding : findings) {
    json["findings"].push_back({{"cause", to_string(finding.cause)},
                                {"status", to_string(finding.status)},
                                {"headline", finding.headline},
                                {"explanation", finding.explanation},
                                {"steps", finding.steps}});
  }
  json["servers"] = Json::array();
  for (const SeenWebsockets& server : watch.servers) json["servers"].push_back(server_json(server));
  return dump(json);
}

}  // namespace socket_exporter
