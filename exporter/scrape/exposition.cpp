#include "exporter/scrape/exposition.h"

#include <fmt/compile.h>
#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <limits>

#include "collectors/base/utf8.h"

namespace socket_exporter {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricType;

constexpr std::string_view kTotal = "_total";

constexpr std::array<bool, 256> kCopiedAsIs = [] {
  std::array<bool, 256> plain{};
  for (std::size_t c = 1; c < 0x80; ++c) plain[c] = c != '\\' && c != '\n' && c != '"';
  return plain;
}();

unsigned char byte_at(std::string_view text, std::size_t i) {
  return static_cast<unsigned char>(text[i]);
}

// Appends what stands for the special byte at the start of `text`; returns how much it replaced.
std::size_t append_special(std::string& out, std::string_view text, bool quotes) {
  switch (text.front()) {
    case '\\':
      out += "\\\\";
      return 1;
    case '\n':
      out += "\\n";
      return 1;
    case '"':
      out += quotes ? "\\\"" : "\"";
      return 1;
    default:
      break;
  }
  const std::size_t length = utf8_length(text);
  out += length != 0 ? text.substr(0, length) : kUtf8Replacement;
  return length != 0 ? length : 1;
}

void append_escaped(std::string& out, std::string_view text, bool quotes) {
  std::size_t done = 0;
  for (std::size_t i = 0; i < text.size();) {
    if (kCopiedAsIs[byte_at(text, i)]) {
      ++i;
      continue;
    }
    out += text.substr(done, i - done);
    i += append_special(out, text.substr(i), quotes);
    done = i;
  }
  out += text.substr(done);
}

void append_number(std::string& out, std::uint64_t number) {
  const fmt::format_int digits(number);
  out.append(digits.data(), digits.size());
}

bool append_non_finite(std::string& out, double number) {
  if (std::isfinite(number)) return false;
  out += std::isnan(number) ? "NaN" : number > 0 ? "+Inf" : "-Inf";
  return true;
}

// The shortest text that reads back as the same double; whole numbers without exponent
// as long as a double holds every one of them.
void append_number(std::string& out, double number) {
  constexpr double kExact = 9007199254740992.0;  // 2^53
  if (number >= -kExact && number <= kExact) {
    const auto whole = static_cast<std::int64_t>(number);
    if (static_cast<double>(whole) == number && (whole != 0 || !std::signbit(number))) {
      const fmt::format_int digits(whole);
      out.append(digits.data(), digits.size());
      return;
    }
  }
  if (!append_non_finite(out, number)) {
    fmt::format_to(std::back_inserter(out), FMT_COMPILE("{}"), number);
  }
}

// A bucket's or quantile's bound as Go clients write it, since people match on that
// text. OpenMetrics wants "1.0" where the text format has "1".
void append_bound(std::string& out, double bound, ExpositionFormat format) {
  if (append_non_finite(out, bound)) return;
  const double size = std::abs(bound);
  const bool exponent = size != 0 && (size < 1e-4 || size >= 1e6);
  std::array<char, 32> buffer{};
  const auto result =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), bound,
                    exponent ? std::chars_format::scientific : std::chars_format::fixed);
  const std::string_view text(buffer.data(), static_cast<std::size_t>(result.ptr - buffer.data()));
  out += text;
  if (format == ExpositionFormat::openmetrics && text.find_first_of(".e") == std::string_view::npos)
    out += ".0";
}

class FamilyWriter {
 public:
  FamilyWriter(ExpositionFormat format, const prometheus::MetricFamily& family, std::string& out)
      : format_(format), family_(family), out_(out) {}

  void head() {
    const bool openmetrics = format_ == ExpositionFormat::openmetrics;
    std::string_view name = family_.name;
    std::string_view type = type_name();
    if (openmetrics && family_.type == MetricType::Counter) {
      // OpenMetrics keeps counters for names in _total and leaves that out of the family's name.
      if (name.ends_with(kTotal)) {
        name.remove_suffix(kTotal.size());
      } else {
        type = "unknown";
      }
    }
    if (!family_.help.empty()) {
      out_.append("# HELP ").append(name).append(" ");
      append_escaped(out_, family_.help, openmetrics);
      out_ += '\n';
    }
    out_.append("# TYPE ").append(name).append(" ").append(type).append("\n");
  }

  void metric(const ClientMetric& metric) {
    join_labels(metric);
    switch (family_.type) {
      case MetricType::Counter:
        return sample("", metric.counter.value);
      case MetricType::Gauge:
        return sample("", metric.gauge.value);
      case MetricType::Summary:
        return summary(metric.summary);
      case MetricType::Histogram:
        return histogram(metric.histogram);
      default:
        return sample("", metric.untyped.value);
    }
  }

 private:
  std::string_view type_name() const {
    switch (family_.type) {
      case MetricType::Counter:
        return "counter";
      case MetricType::Gauge:
        return "gauge";
      case MetricType::Summary:
        return "summary";
      case MetricType::Histogram:
        return "histogram";
      default:
        return format_ == ExpositionFormat::openmetrics ? "unknown" : "untyped";
    }
  }

  void join_labels(const ClientMetric& metric) {
    labels_.clear();
    for (const ClientMetric::Label& label : metric.label) {
      if (!labels_.empty()) labels_ += ',';
      labels_.append(label.name).append("=\"");
      append_escaped(labels_, label.value, true);
      labels_ += '"';
    }
  }

  template <typename Number>
  void sample(std::string_view suffix, Number value) {
    out_.append(family_.name).append(suffix);
    if (!labels_.empty()) out_.append("{").append(labels_).append("}");
    finish(value);
  }

  template <typename Number>
  void bounded_sample(std::string_view suffix, std::string_view label, double bound, Number value) {
    out_.append(family_.name).append(suffix).append("{").append(labels_);
    if (!labels_.empty()) out_ += ',';
    out_.append(label).append("=\"");
    append_bound(out_, bound, format_);
    out_ += "\"}";
    finish(value);
  }

  template <typename Number>
  void finish(Number value) {
    out_ += ' ';
    append_number(out_, value);
    out_ += '\n';
  }

  void summary(const ClientMetric::Summary& summary) {
    for (const auto& quantile : summary.quantile) {
      bounded_sample("", "quantile", quantile.quantile, quantile.value);
    }
    sample("_sum", summary.sample_sum);
    sample("_count", summary.sample_count);
  }

  void histogram(const ClientMetric::Histogram& histogram) {
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    for (const auto& bucket : histogram.bucket) {
      bounded_sample("_bucket", "le", bucket.upper_bound, bucket.cumulative_count);
    }
    if (histogram.bucket.empty() || histogram.bucket.back().upper_bound != kInfinity) {
      bounded_sample("_bucket", "le", kInfinity, histogram.sample_count);
    }
    sample("_sum", histogram.sample_sum);
    sample("_count", histogram.sample_count);
  }

  ExpositionFormat format_;
  const prometheus::MetricFamily& family_;
  std::string& out_;
  std::string labels_;  ///< of the metric being written, joined and escaped
};

}  // namespace

std::string_view content_type(ExpositionFormat format) {
  return format == ExpositionFormat::openmetrics
             ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
             : "text/plain; version=0.0.4; charset=utf-8";
}

void write_family(ExpositionFormat format, const prometheus::MetricFamily& family,
                  std::string& out) {
  FamilyWriter writer(format, family, out);
  writer.head();
  for (const ClientMetric& metric : family.metric) writer.metric(metric);
}

void write_end(ExpositionFormat format, std::string& out) {
  if (format == ExpositionFormat::openmetrics) out += "# EOF\n";
}

}  // namespace socket_exporter
