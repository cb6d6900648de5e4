#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/config/flag_set.h"
#include "exporter/config/flags.h"

namespace socket_exporter {

/// What --help says about a command.
struct CommandInfo {
  Command command;
  std::string_view name;
  std::string_view usage;
  std::string_view summary;
};

/// All commands; the first is the default.
std::span<const CommandInfo> all_commands();

std::vector<Flag> flags_of(Command command);

/// What `socket_exporter COMMAND --help` prints.
std::string help_text(const CommandInfo& info);

}  // namespace socket_exporter
