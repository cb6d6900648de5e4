#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace socket_exporter {

/// What stands for bytes that are no UTF-8: U+FFFD.
inline constexpr std::string_view kUtf8Replacement = "\xEF\xBF\xBD";

// Second bytes allowed after a lead byte: no overlong forms, surrogates or values
// above U+10FFFF (Unicode, table 3-7).
inline bool utf8_second_byte_fits(unsigned char lead, unsigned char second) {
  switch (lead) {
    case 0xE0:
      return second >= 0xA0 && second <= 0xBF;
    case 0xED:
      return second >= 0x80 && second <= 0x9F;
    case 0xF0:
      return second >= 0x90 && second <= 0xBF;
    case 0xF4:
      return second >= 0x80 && second <= 0x8F;
    default:
      return second >= 0x80 && second <= 0xBF;
  }
}

/// Bytes of the UTF-8 character beyond ASCII at the start of `text`; 0 when there is none.
inline std::size_t utf8_length(std::string_view text) {
  const auto byte_at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  if (text.empty() || byte_at(0) < 0xC2 || byte_at(0) > 0xF4) return 0;
  const std::size_t length = byte_at(0) < 0xE0 ? 2 : byte_at(0) < 0xF0 ? 3 : 4;
  if (text.size() < length || !utf8_second_byte_fits(byte_at(0), byte_at(1))) return 0;
  for (std::size_t i = 2; i < length; ++i) {
    if ((byte_at(i) & 0xC0U) != 0x80) return 0;
  }
  return length;
}

/// A name of any bytes as a label value: control characters become '?', what is no UTF-8 U+FFFD.
inline std::string printable_label(std::string_view name) {
  std::string clean;
  while (!name.empty()) {
    const auto byte = static_cast<unsigned char>(name.front());
    const std::size_t length = byte < 0x80 ? 1 : utf8_length(name);
    const bool is_c1 = length == 2 && byte == 0xC2 && static_cast<unsigned char>(name[1]) < 0xA0;
    if (length == 0) {
      clean += kUtf8Replacement;
    } else if (byte < 0x20 || byte == 0x7F || is_c1) {
      clean += '?';
    } else {
      clean += name.substr(0, length);
    }
    name.remove_prefix(length == 0 ? 1 : length);
  }
  return clean;
}

}  // namespace socket_exporter
