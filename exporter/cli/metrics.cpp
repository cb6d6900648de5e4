#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <vector>

#include "exporter/cli/cli.h"
#include "exporter/config/config_metrics.h"
#include "exporter/http/http_metrics.h"
#include "exporter/scrape/process_metrics.h"
#include "exporter/scrape/scraper.h"

namespace socket_exporter {
namespace {

constexpr MetricInfo kHttpMetrics[] = {kHttpRequestsTotal};

// One heading of the reference.
struct Part {
  std::string_view name;
  std::string_view summary;
  const CollectorEntry* collector;  // null: about the exporter itself
  std::span<const MetricInfo> metrics;
};

std::vector<Part> all_parts() {
  std::vector<Part> parts;
  for (const CollectorEntry* entry : all_collectors()) {
    parts.push_back({entry->name, entry->summary, entry, entry->metrics});
  }
  parts.push_back(
      {"exporter", "What the exporter says about each scrape", nullptr, exporter_metrics()});
  parts.push_back(
      {"configuration", "The configuration file and its services", nullptr, config_metrics()});
  parts.push_back({"http", "The exporter's HTTP server", nullptr, kHttpMetrics});
  parts.push_back({"process", "The exporter's own process", nullptr, process_metrics()});
  return parts;
}

std::string_view name_of(Type type) {
  switch (type) {
    case Type::Counter:
      return "counter";
    case Type::Gauge:
      return "gauge";
    case Type::Summary:
      return "summary";
    case Type::Histogram:
      return "histogram";
    default:
      return "untyped";
  }
}

// A cell of a Markdown table cannot hold a bare "|" or "<".
std::string cell(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '|' || c == '<' || c == '\\') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

std::string markdown() {
  std::string text = "# Metrics of socket_exporter\n";
  for (const Part& part : all_parts()) {
    text += fmt::format("\n## {}\n\n{}", part.name, cell(part.summary));
    if (part.collector != nullptr) {
      const bool on = part.collector->on_by_default;
      text += fmt::format("; {} by default, `--{}collector.{}` switches it {}.", on ? "on" : "off",
                          on ? "no-" : "", part.name, on ? "off" : "on");
    } else {
      text += ".";
    }
    text += "\n\n| name | type | labels | help |\n|---|---|---|---|\n";
    for (const MetricInfo& metric : part.metrics) {
      text += fmt::format("| `{}` | {} | {} | {} |\n", metric.name, name_of(metric.type),
                          fmt::join(metric.labels, ", "), cell(metric.help));
    }
  }
  return text;
}

std::string json() {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const Part& part : all_parts()) {
    for (const MetricInfo& metric : part.metrics) {
      nlohmann::ordered_json entry{{"name", metric.name},
                                   {"type", name_of(metric.type)},
                                   {"labels", nlohmann::ordered_json::array()},
                                   {"help", metric.help},
                                   {"part", part.name}};
      for (const std::string_view label : metric.labels) entry["labels"].push_back(label);
      if (part.collector != nullptr) entry["on_by_default"] = part.collector->on_by_default;
      list.push_back(std::move(entry));
    }
  }
  return list.dump(2) + "\n";
}

}  // namespace

std::string metrics_reference(OutputFormat format) {
  return format == OutputFormat::json ? json() : markdown();
}

int run_metrics(const Options& options) {
  print(metrics_reference(options.format));
  return 0;
}

}  // namespace socket_exporter
