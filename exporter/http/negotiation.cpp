#include "exporter/http/negotiation.h"

#include <algorithm>
#include <optional>
#include <string>

#include "collectors/base/text.h"

namespace socket_exporter {
namespace {

/// One entry of an Accept header: "text/plain;version=0.0.4;q=0.5".
struct Range {
  std::string name;     ///< in lower case
  std::string version;  ///< empty: any
  int thousandths = 1000;
};

std::string in_lower_case(std::string_view text) {
  std::string copy(text);
  std::transform(copy.begin(), copy.end(), copy.begin(), lower);
  return copy;
}

std::string_view unquoted(std::string_view text) {
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') {
    text = text.substr(1, text.size() - 2);
  }
  return text;
}

// Cuts up to the next separator off the front; what is between quotes separates nothing.
std::string_view cut(std::string_view& rest, char separator) {
  bool quoted = false;
  std::size_t end = 0;
  while (end < rest.size() && (quoted || rest[end] != separator)) quoted ^= rest[end++] == '"';
  const auto part = trim(rest.substr(0, end));
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return part;
}

// "0.75" is 750. RFC 9110 section 12.4.2: at most three decimals, at most 1.
std::optional<int> parse_quality(std::string_view text) {
  const auto whole = text.substr(0, text.find('.'));
  auto decimals = text.substr(std::min(whole.size() + 1, text.size()));
  if ((whole != "0" && whole != "1") || decimals.size() > 3) return std::nullopt;
  int thousandths = whole == "1" ? 1000 : 0;
  int unit = 100;
  for (const char digit : decimals) {
    if (digit < '0' || digit > '9') return std::nullopt;
    thousandths += (digit - '0') * unit;
    unit /= 10;
  }
  return thousandths <= 1000 ? std::optional(thousandths) : std::nullopt;
}

// Nothing when its q is malformed: such an entry counts for nothing.
std::optional<Range> parse_range(std::string_view text) {
  Range range;
  range.name = in_lower_case(cut(text, ';'));
  while (!text.empty()) {
    std::string_view value = cut(text, ';');
    const std::string key = in_lower_case(cut(value, '='));
    value = unquoted(trim(value));
    if (key == "version") range.version = value;
    if (key != "q") continue;
    const auto quality = parse_quality(value);
    if (!quality) return std::nullopt;
    range.thousandths = *quality;
  }
  return range;
}

constexpr int kByName = 3;

// How closely an entry names OpenMetrics; 0: not at all, wildcards included. 0.0.1 is what
// Prometheus called it before it was a standard; the text is the same.
int openmetrics_specificity(const Range& range) {
  if (range.name != "application/openmetrics-text") return 0;
  const std::string& version = range.version;
  return version.empty() || version == "1.0.0" || version == "0.0.1" ? kByName : 0;
}

int text_specificity(const Range& range) {
  if (range.name == "text/plain") {
    return range.version.empty() || range.version == "0.0.4" ? kByName : 0;
  }
  return range.name == "text/*" ? 2 : range.name == "*/*" ? 1 : 0;
}

/// The best entry for something offered so far.
struct Match {
  int thousandths = 0;
  int specificity = 0;
  int position = 0;

  // Of entries as specific, the client's best counts; a more specific one overrules the others.
  void offer(const Range& range, int specific, int at) {
    const bool better = specific > specificity || (specific != 0 && specific == specificity &&
                                                   range.thousandths > thousandths);
    if (better) *this = {range.thousandths, specific, at};
  }
};

}  // namespace

ExpositionFormat choose_format(std::string_view accept) {
  Match text;
  Match openmetrics;
  for (int position = 0; !accept.empty(); ++position) {
    const auto range = parse_range(cut(accept, ','));
    if (!range) continue;
    openmetrics.offer(*range, openmetrics_specificity(*range), position);
    text.offer(*range, text_specificity(*range), position);
  }
  if (openmetrics.thousandths == 0) return ExpositionFormat::text;
  if (openmetrics.thousandths != text.thousandths) {
    return openmetrics.thousandths > text.thousandths ? ExpositionFormat::openmetrics
                                                      : ExpositionFormat::text;
  }
  const bool text_first = text.specificity == kByName && text.position < openmetrics.position;
  return text_first ? ExpositionFormat::text : ExpositionFormat::openmetrics;
}

bool accepts_gzip(std::string_view accept_encoding) {
  std::optional<int> gzip;
  std::optional<int> any;
  int identity = 0;
  while (!accept_encoding.empty()) {
    const auto range = parse_range(cut(accept_encoding, ','));
    if (!range) continue;
    const int quality = range->thousandths;
    if (range->name == "gzip" || range->name == "x-gzip")
      gzip = std::max(gzip.value_or(0), quality);
    if (range->name == "*") any = quality;
    if (range->name == "identity") identity = quality;
  }
  const int wanted = gzip.value_or(any.value_or(0));
  return wanted > 0 && wanted >= identity;
}

}  // namespace socket_exporter
