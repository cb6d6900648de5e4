#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <regex>
#include <string>

#include "collectors/bpf/websocket_head.h"

namespace {

struct Read {
  sx_step step = SX_GO_ON;
  std::size_t size = 0;  ///< of the head, where it has ended
  bool is_upgrade = false;
  unsigned status = 0;
  bool operator==(const Read&) const = default;
};

bool begins_well(const std::string& text, bool is_response) {
  const std::string form = is_response ? "HTTP/1.x ddd" : "GET ";
  for (std::size_t i = 0; i < std::min(text.size(), form.size()); ++i) {
    if (form[i] == 'x'   ? text[i] != '0' && text[i] != '1'
        : form[i] == 'd' ? text[i] < '0' || text[i] > '9'
                         : text[i] != form[i]) {
      return false;
    }
  }
  return true;
}

bool has_upgrade(std::string head) {
  head.erase(std::remove_if(head.begin(), head.end(), [](char c) { return c == ' ' || c == '\t'; }),
             head.end());
  static const std::regex kUpgrade("\nupgrade:websocket[\r\n,]", std::regex::icase);
  return std::regex_search(head, kUpgrade);
}

/// The whole text at once.
Read model(const std::string& text, bool is_response) {
  const std::size_t skipped = std::min(text.find_first_not_of("\r\n"), text.size());
  const std::string rest = text.substr(skipped);
  if (!begins_well(rest, is_response)) return {SX_BROKEN};
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
  const unsigned status =
      is_response ? static_cast<unsigned>(std::atoi(head.substr(9, 3).c_str())) : 0;
  return {SX_END, skipped + end, has_upgrade(head), status};
}

Read follow(const std::string& text, bool is_response) {
  sx_head head{};
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::uint64_t eight = 0;
    if (i + sizeof eight <= text.size()) {
      std::memcpy(&eight, &text[i], sizeof eight);
      if (sx_skip_eight(&head, eight) != 0) {
        i += sizeof eight - 1;
        continue;
      }
    }
    const sx_step step = sx_step_head(&head, static_cast<std::uint8_t>(text[i]), is_response);
    if (step == SX_BROKEN) return {step};
    if (step == SX_END) return {step, i + 1, head.is_upgrade != 0, head.status};
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
  if (follow(text, is_response) != model(text, is_response)) std::abort();
  return 0;
}
