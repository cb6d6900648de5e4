#include "exporter/log.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>

#include "collectors/base/utf8.h"

namespace socket_exporter {
namespace {

constexpr std::array<std::string_view, 4> kLevelNames{"debug", "info", "warn", "error"};
constexpr std::array<std::string_view, 2> kFormatNames{"logfmt", "json"};

template <typename Enum, std::size_t N>
std::optional<Enum> find_name(const std::array<std::string_view, N>& names, std::string_view name) {
  const auto it = std::find(names.begin(), names.end(), name);
  if (it == names.end()) return std::nullopt;
  return static_cast<Enum>(it - names.begin());
}

std::string_view name_of(LogLevel level) {
  return kLevelNames[static_cast<std::size_t>(level)];
}

void append_ascii(std::string& out, char c) {
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      if (c < 0x20 || c == 0x7F) {
        fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(c));
      } else {
        out += c;
      }
  }
}

// A JSON string, valid for any bytes; logfmt readers know the same escapes.
void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    std::size_t length = 1;
    if (static_cast<std::uint8_t>(text[0]) < 0x80) {
      append_ascii(out, text[0]);
    } else if ((length = utf8_length(text)) > 0) {
      out += text.substr(0, length);
    } else {
      out += kUtf8Replacement;
      length = 1;
    }
    text.remove_prefix(length);
  }
  out += '"';
}

void append_logfmt_value(std::string& out, std::string_view value) {
  const bool plain = !value.empty() && std::all_of(value.begin(), value.end(), [](char c) {
    return c > ' ' && c < 0x7F && c != '"' && c != '=' && c != '\\';
  });
  if (plain) {
    out += value;
  } else {
    append_quoted(out, value);
  }
}

std::string timestamp_now() {
  const auto now = std::chrono::system_clock::now();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(now);
  const auto millis = std::chrono::duration_cast<std::chrono::milliseconds>(now - seconds).count();
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(seconds)), millis);
}

}  // namespace

std::optional<LogLevel> parse_log_level(std::string_view name) {
  return find_name<LogLevel>(kLevelNames, name);
}

std::optional<LogFormat> parse_log_format(std::string_view name) {
  return find_name<LogFormat>(kFormatNames, name);
}

std::string format_log_line(LogFormat format, std::string_view timestamp, LogLevel level,
                            std::string_view message, std::initializer_list<LogField> fields) {
  const bool json = format == LogFormat::json;
  std::string line = json ? "{" : "";
  const auto add = [&](std::string_view key, std::string_view value) {
    if (line.size() > 1) line += json ? ',' : ' ';
    if (json) {
      append_quoted(line, key);
      line += ':';
      append_quoted(line, value);
    } else {
      line += key;
      line += '=';
      append_logfmt_value(line, value);
    }
  };
  add("ts", timestamp);
  add("level", name_of(level));
  add("msg", message);
  for (const LogField& field : fields) add(field.key, field.value);
  line += json ? "}\n" : "\n";
  return line;
}

void Logger::log(LogLevel level, std::string_view message,
                 std::initializer_list<LogField> fields) const {
  if (level < level_) return;
  const std::string line = format_log_line(format_, timestamp_now(), level, message, fields);
  // A log that nobody can take must not stop the exporter.
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace socket_exporter
