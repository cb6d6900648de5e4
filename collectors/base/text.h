#pragma once

#include <algorithm>
#include <charconv>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string_view>

namespace socket_exporter {

/// Cuts the text up to the next newline off the front of `text`.
inline std::string_view next_line(std::string_view& text) {
  const auto end = std::min(text.find('\n'), text.size());
  const auto line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

constexpr bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

/// `text` without the blanks and tabs in front.
inline std::string_view skip_blanks(std::string_view text) {
  std::size_t blanks = 0;
  while (blanks < text.size() && is_blank(text[blanks])) ++blanks;
  return text.substr(blanks);
}

/// Cuts the next word off the front of `line`; words are apart by blanks and
/// tabs. Empty at the end of the line.
inline std::string_view next_word(std::string_view& line) {
  line = skip_blanks(line);
  std::size_t end = 0;
  while (end < line.size() && !is_blank(line[end])) ++end;
  const auto word = line.substr(0, end);
  line = skip_blanks(line.substr(end));
  return word;
}

/// `text` without blanks and newlines at either end.
inline std::string_view trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  text.remove_prefix(std::min(text.find_first_not_of(kSpace), text.size()));
  return text.substr(0, text.find_last_not_of(kSpace) + 1);
}

/// An ASCII letter in lower case; anything else as it is, whatever the locale.
constexpr char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// True for letters, digits and underscores, at least one: what may become part of a metric name.
inline bool is_name(std::string_view word) {
  constexpr std::string_view kNameCharacters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
  return !word.empty() && word.find_first_not_of(kNameCharacters) == std::string_view::npos;
}

/// The whole of `word` as a number of that type, or nothing.
template <std::integral T>
std::optional<T> parse_number(std::string_view word, int base = 10) {
  T value{};
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value, base);
  if (error != std::errc{} || end != word.data() + word.size()) return std::nullopt;
  return value;
}

}  // namespace socket_exporter
