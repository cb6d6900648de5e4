#include "exporter/config/flag_set.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <numeric>

namespace socket_exporter {
namespace {

Error malformed(std::string what) {
  return {Error::Kind::malformed, std::move(what)};
}

// Levenshtein's distance, one row at a time.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

std::vector<std::string> spellings(std::span<const Flag> flags) {
  std::vector<std::string> names;
  for (const Flag& flag : flags) {
    names.push_back("--" + flag.name);
    if (flag.kind == Flag::Kind::on_off) names.push_back("--no-" + flag.name);
  }
  return names;
}

bool takes_value(const Flag& flag) {
  return flag.kind == Flag::Kind::value || flag.kind == Flag::Kind::repeatable;
}

// CLI11 takes the next argument for the value of "--flag=".
Result<> refuse_empty_values(std::span<const std::string> arguments) {
  for (const std::string& argument : arguments) {
    if (argument.starts_with("--") && argument.find('=') == argument.size() - 1) {
      return malformed(
          fmt::format("flag \"{}\" has an empty value; leave the flag out or give a value",
                      argument.substr(0, argument.size() - 1)));
    }
  }
  return {};
}

CLI::Option* declare(CLI::App& app, const Flag& flag) {
  CLI::Option* option = nullptr;
  if (takes_value(flag)) {
    // A vector, so that CLI11 hands over the text as it is; one value each time.
    option = app.add_option("--" + flag.name)->type_size(1)->expected(1)->allow_extra_args(false);
  } else {
    const bool negatable = flag.kind == Flag::Kind::on_off;
    option = app.add_flag(negatable ? fmt::format("--{0},!--no-{0}", flag.name) : "--" + flag.name);
    option->disable_flag_override();
  }
  // How often a flag may come is told by us, in our words.
  return option->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

// CLI11's texts begin with the flag's name, some with its dashes, some without.
Error explain(const CLI::ParseError& error, std::span<const Flag> flags) {
  const std::string text = error.what();
  const auto name_begin = std::min(text.find_first_not_of('-'), text.size());
  const std::string name = text.substr(name_begin, text.find_first_of(": ") - name_begin);
  const auto flag = std::find_if(flags.begin(), flags.end(), [&](const Flag& each) {
    return name == each.name || name == "no-" + each.name;
  });
  if (flag == flags.end()) return malformed(text.substr(0, text.find('\n')));
  if (!takes_value(*flag)) return malformed(fmt::format("flag \"--{}\" takes no value", name));
  return malformed(
      fmt::format("flag \"--{0}\" needs a value, such as --{0}={1}", name, flag->placeholder));
}

Result<> check_values(const Flag& flag, const std::vector<std::string>& values) {
  if (values.size() > 1 && flag.kind != Flag::Kind::repeatable) {
    return malformed(
        fmt::format("flag \"--{}\" is given {} times; give it once", flag.name, values.size()));
  }
  if (!takes_value(flag)) return {};
  for (const std::string& value : values) {
    if (!value.starts_with("--")) continue;
    return malformed(
        fmt::format(R"(flag "--{0}" needs a value, such as --{0}={1}; "{2}" is a flag)", flag.name,
                    flag.placeholder, value));
  }
  return {};
}

}  // namespace

std::string FlagValues::text(std::string_view flag, std::string_view fallback) const {
  const auto it = values_.find(flag);
  return it == values_.end() ? std::string(fallback) : it->second.back();
}

std::vector<std::string> FlagValues::texts(std::string_view flag) const {
  const auto it = values_.find(flag);
  return it == values_.end() ? std::vector<std::string>{} : it->second;
}

std::optional<bool> FlagValues::on(std::string_view flag) const {
  const auto it = values_.find(flag);
  if (it == values_.end()) return std::nullopt;
  return it->second.back() == "true";
}

Result<FlagValues> parse_flags(std::span<const Flag> flags,
                               std::span<const std::string> arguments) {
  if (auto checked = refuse_empty_values(arguments); !checked) return checked.error();

  CLI::App app;
  app.set_help_flag();
  app.allow_extras();
  std::vector<CLI::Option*> options;
  for (const Flag& flag : flags) options.push_back(declare(app, flag));
  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::ParseError& error) {
    return explain(error, flags);
  }

  FlagValues result;
  for (const std::string& rest : app.remaining()) {
    if (rest.starts_with("-") && rest != "-") {
      const std::string name = rest.substr(0, rest.find('='));
      return malformed(fmt::format("unknown flag \"{}\"{} See --help.", name,
                                   did_you_mean(name, spellings(flags))));
    }
    result.positionals_.push_back(rest);
  }
  for (std::size_t i = 0; i < flags.size(); ++i) {
    if (options[i]->count() == 0) continue;
    if (auto checked = check_values(flags[i], options[i]->results()); !checked) {
      return checked.error();
    }
    result.values_[flags[i].name] = options[i]->results();
  }
  return result;
}

std::string flags_help(std::span<const Flag> flags) {
  constexpr std::size_t kColumn = 46;
  std::string text;
  for (const Flag& flag : flags) {
    const bool negatable = flag.kind == Flag::Kind::on_off;
    std::string entry = fmt::format("      --{}{}", negatable ? "[no-]" : "", flag.name);
    if (takes_value(flag)) entry += "=" + flag.placeholder;
    if (entry.size() + 2 > kColumn) {
      text += fmt::format("{}\n{:{}}{}\n", entry, "", kColumn, flag.help);
    } else {
      text += fmt::format("{:<{}}{}\n", entry, kColumn, flag.help);
    }
  }
  return text;
}

std::string did_you_mean(std::string_view given, std::span<const std::string> names) {
  const auto best = std::min_element(names.begin(), names.end(), [&](const auto& a, const auto& b) {
    return edit_distance(given, a) < edit_distance(given, b);
  });
  if (best == names.end() ||
      edit_distance(given, *best) > std::max<std::size_t>(2, given.size() / 3)) {
    return ".";
  }
  return fmt::format("; did you mean \"{}\"?", *best);
}

}  // namespace socket_exporter
