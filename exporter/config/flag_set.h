#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/base/result.h"

namespace socket_exporter {

/// One flag of a command.
struct Flag {
  enum class Kind { value, repeatable, toggle, on_off };  ///< on_off: --x and --no-x
  Kind kind = Kind::value;
  std::string name;         ///< without the dashes
  std::string placeholder;  ///< what --help shows as the value, such as "/metrics" or REGEX
  std::string help;
};

/// What a command line gave, by flag name.
class FlagValues {
 public:
  /// The value of a flag, or `fallback` where it was not given.
  std::string text(std::string_view flag, std::string_view fallback) const;
  /// All values of a repeatable flag; empty where it was not given.
  std::vector<std::string> texts(std::string_view flag) const;
  bool given(std::string_view flag) const { return values_.contains(flag); }
  /// true for --x, false for --no-x, nothing where neither was given.
  std::optional<bool> on(std::string_view flag) const;
  const std::vector<std::string>& positionals() const { return positionals_; }

 private:
  friend Result<FlagValues> parse_flags(std::span<const Flag> flags,
                                        std::span<const std::string> arguments);

  std::map<std::string, std::vector<std::string>, std::less<>> values_;
  std::vector<std::string> positionals_;
};

/// Pure. Takes `--flag=value` and `--flag value`; an unknown flag, one given twice or
/// without its value is an error that says so.
Result<FlagValues> parse_flags(std::span<const Flag> flags, std::span<const std::string> arguments);

/// The flags as --help shows them, one entry a line.
std::string flags_help(std::span<const Flag> flags);

/// `; did you mean "…"?` with the likeliest of the names, or the full stop where none is near.
std::string did_you_mean(std::string_view given, std::span<const std::string> names);

}  // namespace socket_exporter
