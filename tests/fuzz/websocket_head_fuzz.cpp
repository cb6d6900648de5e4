#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <sstream>
#include <string>

#include "collectors/bpf/websocket_head.h"

namespace {

struct Read {
  sx_step step = SX_GO_ON;
  std::size_t size = 0;  ///< of the head, where it has ended
  bool is_upgrade = false;
  unsigned status = 0;
  std::uint64_t body = 0;  ///< what it says of its length
  bool operator==(const Read&) const = default;
};

bool begins_request(const std::string& text) {
  std::size_t letters = 0;
  while (letters < text.size() && text[letters] >= 'A' && text[letters] <= 'Z') ++letters;
  if (letters > SX_LONGEST_METHOD) return false;
  return letters == text.size() || (letters != 0 && text[letters] == ' ');
}

bool begins_response(const std::string& text) {
  const std::string form = "HTTP/1.x ddd";
  for (std::size_t i = 0; i < std::min(text.size(), form.size()); ++i) {
    if (form[i] == 'x'   ? text[i] != '0' && text[i] != '1'
        : form[i] == 'd' ? text[i] < '0' || text[i] > '9'
                         : text[i] != form[i]) {
      return false;
    }
  }
  return true;
}

/// A line of a head without spaces, in small letters, as far as its end.
void read_field(const std::string& line, Read& to) {
  const std::string upgrade = "upgrade:";
  const std::string length = "content-length:";
  if (line.starts_with(upgrade)) {
    std::istringstream values(line.substr(upgrade.size()));
    for (std::string value; std::getline(values, value, ',');) {
      if (value == "websocket") to.is_upgrade = true;
    }
  }
  if (!line.starts_with(length)) return;
  to.body = 0;
  for (std::size_t i = length.size(); i < line.size() && line[i] >= '0' && line[i] <= '9'; ++i) {
    if (to.body < SX_LONGEST_BODY) to.body = to.body * 10 + static_cast<unsigned>(line[i] - '0');
  }
}

void read_fields(std::string head, Read& to) {
  std::erase_if(head, [](char c) { return c == ' ' || c == '\t'; });
  for (char& c : head) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  for (std::size_t at = head.find('\n'); at != std::string::npos; at = head.find('\n', at + 1)) {
    const std::size_t end = head.find_first_of("\r\n", at + 1);
    if (end != std::string::npos) read_field(head.substr(at + 1, end - at - 1), to);
  }
}

/// The whole text at once.
Read model(const std::string& text, bool is_response) {
  const std::size_t skipped = std::min(text.find_first_not_of("\r\n"), text.size());
  const std::string rest = text.substr(skipped);
  if (!(is_response ? begins_response(rest) : begins_request(rest))) return {SX_BROKEN};
  std::size_t end = std::string::npos;
  for (std::size_t line = rest.find('\n'); line != std::string::npos;
       line = rest.find('\n', line + 1)) {
    const std::size_t next = rest.find_first_not_of('\r', line + 1);
    if (next == std::string::npos || rest[next] != '\n') continue;
    end = next + 1;
    break;
  }
  if (std::min(end, rest.size()) > SX_LONGEST_HEAD) return {SX_BROKEN};
  if (end == std::string::npos) return {SX_GO_ON};
  const std::string head = rest.substr(0, end);
  Read read{SX_END, skipped + end};
  if (is_response) read.status = static_cast<unsigned>(std::atoi(head.substr(9, 3).c_str()));
  read_fields(head, read);
  return read;
}

/// The same in parts of that size, as they would be in packets.
Read follow(const std::string& text, bool is_response, std::size_t part) {
  sx_head head{};
  sx_block block{};  // what was there before is behind what is there now
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t count = std::min({text.size() - at, part - at % part, std::size_t{SX_BLOCK}});
    std::memcpy(block.words, &text[at], count);
    sx_step step = SX_GO_ON;
    const std::size_t taken =
        sx_take_head(&head, &block, static_cast<std::uint32_t>(count), is_response, &step);
    if (taken == 0 || taken > count) std::abort();
    at += taken;
    if (step == SX_BROKEN) return {step};
    if (step == SX_END) {
      return {step, at, head.is_upgrade != 0, is_response ? head.status : 0U, head.body};
    }
  }
  return {};
}

}  // namespace

// The first byte says whether it is a response, and how often the rest is repeated.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const bool is_response = data[0] % 2 == 1;
  const std::string part(reinterpret_cast<const char*>(data + 1), size - 1);
  std::string text = part;
  if (data[0] >= 254) {
    while (text.size() <= SX_LONGEST_HEAD && !part.empty()) text += part;
  }
  const Read expected = model(text, is_response);
  for (const std::size_t size_of_part :
       {std::size_t{1}, std::size_t{7}, std::size_t{100}, text.size() + 1}) {
    if (follow(text, is_response, size_of_part) != expected) std::abort();
  }
  return 0;
}
