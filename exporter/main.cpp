#include <fmt/format.h>

#include <cstdio>
#include <exception>

#include "collectors/kernel/capabilities.h"
#include "exporter/cli/cli.h"

namespace {

using namespace socket_exporter;

int run(const Options& options) {
  use_permitted_capabilities();
  switch (options.command) {
    case Command::check:
      return run_check(options);
    case Command::report:
      return run_report(options);
    case Command::metrics:
      return run_metrics(options);
    case Command::serve:
      break;
  }
  return run_serve(options);
}

// 1 would be "warning" to what runs checks, so theirs is 3: "unknown".
int fail(std::string_view what, bool is_check) {
  fmt::print(stderr, "socket_exporter: {}\n", what);
  return is_check ? 3 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const bool is_check = argc > 1 && std::string_view(argv[1]) == "check";
  try {
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    const CommandLine line = parse_command_line(arguments);
    if (const auto* error = std::get_if<Error>(&line)) return fail(error->what, is_check);
    if (const auto* text = std::get_if<PrintAndExit>(&line)) {
      print(text->text);
      return 0;
    }
    return run(std::get<Options>(line));
  } catch (const std::exception& error) {
    return fail(error.what(), is_check);
  }
}
