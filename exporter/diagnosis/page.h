#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "exporter/diagnosis/checks.h"

namespace socket_exporter {

/// Text of at most kWidth columns: headings, and lines beside them. Escape sequences only with
/// `colours`.
class Page {
 public:
  static constexpr std::size_t kWidth = 100;
  static constexpr std::size_t kIndent = 10;

  explicit Page(bool colours) : colours_(colours) {}

  /// The status and a sentence about it, in bold.
  void headline(Status status, std::string_view text);
  /// A row of a table that begins with the status, which alone has a colour.
  void row(Status status, std::string_view text);
  /// As many lines as the text needs.
  void paragraph(std::string_view heading, std::string_view text);
  /// One line, shortened where it has to be.
  void line(std::string_view heading, std::string_view text);
  void gap() { text_ += "\n"; }

  std::string take() && { return std::move(text_); }

 private:
  bool colours_;
  std::string text_;
};

}  // namespace socket_exporter
