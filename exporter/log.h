#pragma once

#include <fmt/format.h>

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

namespace socket_exporter {

enum class LogLevel { debug, info, warn, error };
enum class LogFormat { logfmt, json };

std::optional<LogLevel> parse_log_level(std::string_view name);
std::optional<LogFormat> parse_log_format(std::string_view name);

/// One key of a log line and its value.
struct LogField {
  std::string_view key;
  std::string value;
};

/// Writes one line per event to standard error, as logfmt or JSON, each with one
/// write(2). Any thread.
class Logger {
 public:
  Logger(LogLevel level, LogFormat format) : level_(level), format_(format) {}

  void log(LogLevel level, std::string_view message,
           std::initializer_list<LogField> fields = {}) const;
  void debug(std::string_view message, std::initializer_list<LogField> fields = {}) const {
    log(LogLevel::debug, message, fields);
  }
  void info(std::string_view message, std::initializer_list<LogField> fields = {}) const {
    log(LogLevel::info, message, fields);
  }
  void warn(std::string_view message, std::initializer_list<LogField> fields = {}) const {
    log(LogLevel::warn, message, fields);
  }
  void error(std::string_view message, std::initializer_list<LogField> fields = {}) const {
    log(LogLevel::error, message, fields);
  }

 private:
  LogLevel level_;
  LogFormat format_;
};

/// The line that Logger writes, newline included: a value is quoted where it has to be.
std::string format_log_line(LogFormat format, std::string_view timestamp, LogLevel level,
                            std::string_view message, std::initializer_list<LogField> fields);

}  // namespace socket_exporter
