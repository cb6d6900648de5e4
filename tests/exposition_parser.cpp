#include "tests/exposition_parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>

namespace socket_exporter {
namespace {

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// One line and how far it has been read.
class Cursor {
 public:
  explicit Cursor(std::string_view line) : rest_(line) {}

  bool at_end() const { return rest_.empty(); }
  std::string_view rest() const { return rest_; }

  bool take(std::string_view text) {
    if (!rest_.starts_with(text)) return false;
    rest_.remove_prefix(text.size());
    return true;
  }
  void expect(std::string_view text) {
    if (!take(text)) throw std::runtime_error(fmt::format("expected '{}' at '{}'", text, rest_));
  }

  std::string name(bool colons) {
    std::size_t size = 0;
    while (size < rest_.size() && (is_letter(rest_[size]) || (colons && rest_[size] == ':') ||
                                   (size > 0 && is_digit(rest_[size])))) {
      ++size;
    }
    if (size == 0) throw std::runtime_error(fmt::format("expected a name at '{}'", rest_));
    return cut(size);
  }

  std::string quoted() {
    expect("\"");
    std::string text;
    while (!take("\"")) text += character(true);
    return text;
  }

  std::string help(bool quotes) {
    std::string text;
    while (!at_end()) text += character(quotes);
    return text;
  }

 private:
  std::string cut(std::size_t size) {
    std::string text(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return text;
  }

  char character(bool quotes) {
    if (at_end()) throw std::runtime_error("text without its closing quote");
    if (!take("\\")) return cut(1).front();
    if (take("\\")) return '\\';
    if (take("n")) return '\n';
    if (quotes && take("\"")) return '"';
    throw std::runtime_error(fmt::format("unknown escape at '{}'", rest_));
  }

  std::string_view rest_;
};

std::string lower(std::string_view text) {
  std::string copy(text);
  for (char& c : copy) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return copy;
}

// OpenMetrics has one spelling for what is no number; Prometheus reads any case in its own format.
double parse_value(ExpositionFormat format, std::string_view word) {
  const std::string text = format == ExpositionFormat::text ? lower(word)
                                                            : std::string(word == "NaN"    ? "nan"
                                                                          : word == "+Inf" ? "+inf"
                                                                          : word == "-Inf" ? "-inf"
                                                                                           : word);
  if (text == "nan") return std::numeric_limits<double>::quiet_NaN();
  if (text == "+inf") return std::numeric_limits<double>::infinity();
  if (text == "-inf") return -std::numeric_limits<double>::infinity();
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (text.empty() || text.find_first_not_of("0123456789+-.eE") != text.npos || *end != '\0') {
    throw std::runtime_error(fmt::format("no number: '{}'", word));
  }
  return value;
}

class Parser {
 public:
  explicit Parser(ExpositionFormat format) : format_(format) {}

  void line(std::string_view text) {
    if (ended_) throw std::runtime_error("text after # EOF");
    Cursor cursor(text);
    if (cursor.take("# HELP ")) return help(cursor);
    if (cursor.take("# TYPE ")) return type(cursor);
    if (openmetrics() && text == "# EOF") {
      ended_ = true;
      return;
    }
    sample(cursor);
  }

  std::vector<ParsedFamily> finish() {
    if (openmetrics() && !ended_) throw std::runtime_error("no # EOF");
    close_family();
    return std::move(families_);
  }

 private:
  bool openmetrics() const { return format_ == ExpositionFormat::openmetrics; }

  void open_family(const std::string& name) {
    close_family();
    if (!seen_families_.insert(name).second) {
      throw std::runtime_error("family " + name + " is not in one piece");
    }
    families_.emplace_back().name = name;
    has_type_ = false;
  }

  void help(Cursor& cursor) {
    open_family(cursor.name(true));
    cursor.expect(" ");
    families_.back().help = cursor.help(openmetrics());
  }

  void type(Cursor& cursor) {
    const std::string name = cursor.name(true);
    if (families_.empty() || families_.back().name != name) open_family(name);
    if (has_type_) throw std::runtime_error("second TYPE of " + name);
    cursor.expect(" ");
    const std::string type(cursor.rest());
    const std::set<std::string> known = {"counter", "gauge", "summary", "histogram",
                                         openmetrics() ? "unknown" : "untyped"};
    if (!known.contains(type)) throw std::runtime_error("unknown type " + type);
    families_.back().type = type;
    has_type_ = true;
  }

  void sample(Cursor& cursor) {
    ParsedSample sample;
    sample.name = cursor.name(true);
    if (cursor.take("{")) labels(cursor, sample);
    cursor.expect(" ");
    sample.value = parse_value(format_, cursor.rest());
    check_name(sample);
    if (!series_.insert({sample.name, sample.labels}).second) {
      throw std::runtime_error("the same series again: " + sample.name);
    }
    families_.back().samples.push_back(std::move(sample));
  }

  static void labels(Cursor& cursor, ParsedSample& sample) {
    do {
      std::string name = cursor.name(false);
      cursor.expect("=");
      sample.labels.emplace_back(std::move(name), cursor.quoted());
    } while (cursor.take(","));
    cursor.expect("}");
    std::sort(sample.labels.begin(), sample.labels.end());
    const auto twice =
        std::adjacent_find(sample.labels.begin(), sample.labels.end(),
                           [](const auto& a, const auto& b) { return a.first == b.first; });
    if (twice != sample.labels.end()) throw std::runtime_error("label twice: " + twice->first);
  }

  static const std::string* label_of(const ParsedSample& sample, std::string_view name) {
    for (const auto& [key, value] : sample.labels) {
      if (key == name) return &value;
    }
    return nullptr;
  }

  // Which samples may stand below a TYPE line.
  void check_name(const ParsedSample& sample) const {
    if (families_.empty() || !has_type_) throw std::runtime_error(sample.name + " without TYPE");
    const ParsedFamily& family = families_.back();
    const auto is = [&](std::string_view suffix) {
      return sample.name == family.name + std::string(suffix);
    };
    const bool sum = is("_sum") || is("_count");
    const bool fits = family.type == "histogram" ? sum || (is("_bucket") && label_of(sample, "le"))
                      : family.type == "summary" ? sum || (is("") && label_of(sample, "quantile"))
                      : family.type == "counter" && openmetrics() ? is("_total")
                                                                  : is("");
    if (!fits) {
      throw std::runtime_error(
          fmt::format("{} does not belong to {} {}", sample.name, family.type, family.name));
    }
  }

  struct Buckets {
    double bound = -std::numeric_limits<double>::infinity();
    double count = 0;
    std::optional<double> total;
  };

  // Bounds rise, counts do not fall, and the last bucket holds what _count says.
  void close_family() const {
    if (families_.empty() || families_.back().type != "histogram") return;
    const ParsedFamily& family = families_.back();
    std::map<std::vector<std::pair<std::string, std::string>>, Buckets> groups;
    for (const ParsedSample& sample : family.samples) {
      auto labels = sample.labels;
      std::erase_if(labels, [](const auto& label) { return label.first == "le"; });
      Buckets& group = groups[labels];
      if (sample.name == family.name + "_count") group.total = sample.value;
      if (sample.name != family.name + "_bucket") continue;
      const double bound = parse_value(format_, *label_of(sample, "le"));
      if (bound <= group.bound || sample.value < group.count) {
        throw std::runtime_error("buckets out of order in " + family.name);
      }
      group.bound = bound;
      group.count = sample.value;
    }
    for (const auto& [labels, group] : groups) {
      if (std::isfinite(group.bound) || group.total != group.count) {
        throw std::runtime_error("no +Inf bucket equal to the count in " + family.name);
      }
    }
  }

  ExpositionFormat format_;
  bool ended_ = false;
  bool has_type_ = false;
  std::vector<ParsedFamily> families_;
  std::set<std::string> seen_families_;
  std::set<std::pair<std::string, std::vector<std::pair<std::string, std::string>>>> series_;
};

}  // namespace

std::vector<ParsedFamily> parse_exposition(ExpositionFormat format, std::string_view text) {
  Parser parser(format);
  for (int number = 1; !text.empty(); ++number) {
    const auto end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    try {
      if (end == text.npos) throw std::runtime_error("the last line has no end");
      parser.line(line);
    } catch (const std::runtime_error& e) {
      throw std::runtime_error(fmt::format("line {}: {}: {}", number, e.what(), line));
    }
    text.remove_prefix(end + 1);
  }
  return parser.finish();
}

}  // namespace socket_exporter
