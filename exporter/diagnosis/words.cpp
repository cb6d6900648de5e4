#include "exporter/diagnosis/words.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "collectors/base/text.h"

namespace socket_exporter {

std::string grouped(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t from_end = 3; from_end < text.size(); from_end += 4) {
    text.insert(text.size() - from_end, 1, ',');
  }
  return text;
}

std::string counted(std::uint64_t number, std::string_view noun) {
  return fmt::format("{} {}{}", grouped(number), noun, number == 1 ? "" : "s");
}

std::string out_of(std::uint64_t part, std::uint64_t whole) {
  return fmt::format("{} of {}", grouped(part), grouped(whole));
}

int whole_percent(std::uint64_t part, std::uint64_t whole) {
  if (part >= whole) return 100;
  return static_cast<int>(static_cast<double>(part) * 100.0 / static_cast<double>(whole));
}

std::string printable(std::string_view text) {
  std::string clean(text);
  std::replace_if(
      clean.begin(), clean.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return clean;
}

std::string shortened(std::string_view text, std::size_t width) {
  if (text.size() <= width) return std::string(text);
  return fmt::format("{}..", text.substr(0, width - 2));
}

std::vector<std::string> wrapped(std::string_view text, std::size_t width) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    std::string word(next_word(text));
    if (text.starts_with('%')) word.append(" ").append(next_word(text));
    if (lines.empty() || lines.back().size() + 1 + word.size() > width) {
      lines.emplace_back(word);
    } else {
      lines.back().append(" ").append(word);
    }
  }
  return lines;
}

// The kernel prints each 32-bit word as a number of this machine ("%08X").
std::string proc_net_hex(const IpAddress& address) {
  std::string text;
  for (std::size_t at = address.is_v4() ? 12 : 0; at < address.bytes.size(); at += 4) {
    std::uint32_t word = 0;
    std::memcpy(&word, &address.bytes[at], sizeof word);
    text += fmt::format("{:08X}", word);
  }
  return text;
}

}  // namespace socket_exporter
