#include "exporter/diagnosis/page.h"

#include <fmt/format.h>

#include "exporter/diagnosis/words.h"

namespace socket_exporter {
namespace {

constexpr std::string_view kBold = "\x1b[1m";
constexpr std::string_view kPlain = "\x1b[0m";

std::string_view colour_of(Status status) {
  constexpr std::string_view kColours[] = {"\x1b[32m", "\x1b[33m", "\x1b[31m", "\x1b[35m"};
  return kColours[static_cast<std::size_t>(status)];
}

}  // namespace

void Page::headline(Status status, std::string_view text) {
  const std::string word = fmt::format("{:<{}}", upper_case(status), kIndent);
  const auto lines = wrapped(text, kWidth - kIndent);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::string heading = i > 0 ? std::string(kIndent, ' ') : word;
    text_ += colours_ && i == 0 ? fmt::format("{}{}{}{}", kBold, colour_of(status), heading, kPlain)
                                : heading;
    text_ += (colours_ ? fmt::format("{}{}{}", kBold, lines[i], kPlain) : lines[i]) + "\n";
  }
}

void Page::row(Status status, std::string_view text) {
  const std::string word = fmt::format("{:<{}}", upper_case(status), kIndent);
  text_ += colours_ ? fmt::format("{}{}{}", colour_of(status), word, kPlain) : word;
  text_ += shortened(text, kWidth - kIndent) + "\n";
}

void Page::paragraph(std::string_view heading, std::string_view text) {
  for (const std::string& line : wrapped(text, kWidth - kIndent)) {
    this->line(heading, line);
    heading = "";
  }
}

void Page::line(std::string_view heading, std::string_view text) {
  const std::string padded = fmt::format("{:<{}}", heading, kIndent);
  text_ += colours_ && !heading.empty() ? fmt::format("{}{}{}", kBold, padded, kPlain) : padded;
  text_ += shortened(text, kWidth - kIndent) + "\n";
}

}  // namespace socket_exporter
