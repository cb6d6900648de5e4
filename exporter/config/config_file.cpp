#include "exporter/config/config_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>

#include "collectors/base/text.h"
#include "exporter/config/yaml_tree.h"

namespace socket_exporter {
namespace {

constexpr std::size_t kLargestFile = 1U << 20U;
constexpr std::size_t kLongestName = 128;

using NodeKind = YamlNode::Kind;

std::string_view name_of(NodeKind kind) {
  constexpr std::string_view kNames[] = {"empty", "a single value", "a list", "a mapping"};
  return kNames[static_cast<std::size_t>(kind)];
}

template <typename T>
Result<> assign(T& target, Result<T> value) {
  if (!value) return value.error();
  target = std::move(*value);
  return {};
}

// Reads the tree key by key; the first error ends it.
class ConfigReader {
 public:
  explicit ConfigReader(std::string_view file) : file_(file) {}

  Result<Config> read(const YamlNode& root) {
    Config config;
    if (root.kind == NodeKind::null) return config;
    const auto read =
        for_each_key(root, "", "services, checks, websocket",
                     [&](const std::string& key, const YamlNode& value) -> std::optional<Result<>> {
                       if (key == "services") return assign(config.services, read_services(value));
                       if (key == "checks") return assign(config.checks, read_checks(value));
                       if (key == "websocket")
                         return assign(config.websocket, read_websocket(value));
                       return std::nullopt;
                     });
    if (!read) return read.error();
    return config;
  }

 private:
  Error wrong(const YamlNode& node, std::string_view key, std::string_view what) const {
    return {Error::Kind::malformed,
            key.empty() ? fmt::format("{}:{}: {}", file_, node.line, what)
                        : fmt::format("{}:{}: {}: {}", file_, node.line, key, what)};
  }

  Result<> want(const YamlNode& node, std::string_view key, NodeKind kind,
                std::string_view hint) const {
    if (node.kind == kind) return {};
    return wrong(node, key.empty() ? "the file" : key,
                 fmt::format("is {}, has to be {} {}", name_of(node.kind), name_of(kind), hint));
  }

  // `read` gives nothing for a key that it does not know.
  template <typename Read>
  Result<> for_each_key(const YamlNode& map, const std::string& path, std::string_view known,
                        Read read) const {
    if (auto is_map = want(map, path, NodeKind::map, fmt::format("with keys out of {}", known));
        !is_map) {
      return is_map;
    }
    for (std::size_t i = 0; i + 1 < map.items.size(); i += 2) {
      const YamlNode& key = map.items[i];
      const std::optional<Result<>> done = read(key.text, map.items[i + 1]);
      if (!done) {
        return wrong(key, path, fmt::format("unknown key \"{}\"; known are: {}", key.text, known));
      }
      if (!*done) return *done;
    }
    return {};
  }

  Result<std::vector<Service>> read_services(const YamlNode& list) {
    std::vector<Service> services;
    if (list.kind == NodeKind::null) return services;
    const auto is_list =
        want(list, "services", NodeKind::list, "such as - {name: payments, match: [10.1.0.0/16]}");
    if (!is_list) return is_list.error();
    for (std::size_t i = 0; i < list.items.size(); ++i) {
      auto service = read_service(list.items[i], fmt::format("services[{}]", i));
      if (!service) return service.error();
      services.push_back(std::move(*service));
    }
    return services;
  }

  Result<Service> read_service(const YamlNode& node, const std::string& path) {
    Service service;
    const auto read =
        for_each_key(node, path, "name, match",
                     [&](const std::string& key, const YamlNode& value) -> std::optional<Result<>> {
                       if (key == "name")
                         return assign(service.name, read_name(value, path + ".name"));
                       if (key == "match")
                         return assign(service.match, read_matches(value, path + ".match"));
                       return std::nullopt;
                     });
    if (!read) return read.error();
    if (service.name.empty()) return wrong(node, path, "has no name; add name: payments");
    if (service.match.empty()) return wrong(node, path, "has no match; add match: [10.1.0.0/16]");
    return service;
  }

  Result<std::string> read_name(const YamlNode& node, const std::string& path) {
    if (auto scalar = want(node, path, NodeKind::scalar, "such as payments"); !scalar)
      return scalar.error();
    const auto control = [](char c) { return (c >= 0 && c < ' ') || c == 0x7F; };
    if (node.text.empty() || node.text.size() > kLongestName ||
        std::any_of(node.text.begin(), node.text.end(), control)) {
      return wrong(node, path, fmt::format("has to be 1 to {} bytes on one line", kLongestName));
    }
    const auto [earlier, is_new] = names_.emplace(node.text, node.line);
    if (!is_new) {
      return wrong(node, path,
                   fmt::format("\"{}\" is also on line {}; put all its matches into one service",
                               node.text, earlier->second));
    }
    return node.text;
  }

  Result<std::vector<ServiceMatch>> read_matches(const YamlNode& list, const std::string& path) {
    const auto is_list =
        want(list, path, NodeKind::list, "such as [10.1.0.0/16, \"db.example.com:5432\"]");
    if (!is_list) return is_list.error();
    if (list.items.empty()) return wrong(list, path, "is empty; add a match or drop the service");
    std::vector<ServiceMatch> matches;
    for (std::size_t i = 0; i < list.items.size(); ++i) {
      auto match = read_match(list.items[i], fmt::format("{}[{}]", path, i));
      if (!match) return match.error();
      matches.push_back(std::move(*match));
    }
    return matches;
  }

  Result<ServiceMatch> read_match(const YamlNode& node, const std::string& path) {
    if (node.kind != NodeKind::scalar) {
      return wrong(node, path,
                   fmt::format("is {}, has to be a single value; quote it: \"[2001:db8::1]:443\"",
                               name_of(node.kind)));
    }
    auto match = parse_service_match(node.text);
    if (!match) return wrong(node, path, fmt::format("\"{}\" {}", node.text, match.error().what));
    const auto key = match->block ? fmt::format("{}/{} {}", to_string(match->block->network),
                                                match->block->prefix, match->port)
                                  : fmt::format("{} {}", match->host, match->port);
    const auto [earlier, is_new] = matches_.emplace(key, node.line);
    if (!is_new) {
      return wrong(node, path,
                   fmt::format("\"{}\" is also on line {}; one destination has one service",
                               node.text, earlier->second));
    }
    return match;
  }

  Result<CheckThresholds> read_checks(const YamlNode& map) const {
    CheckThresholds checks;
    if (map.kind == NodeKind::null) return checks;
    const std::string known = fmt::format("{}", fmt::join(kCheckNames, ", "));
    const auto read = for_each_key(
        map, "checks", known,
        [&](const std::string& key, const YamlNode& value) -> std::optional<Result<>> {
          if (std::find(kCheckNames.begin(), kCheckNames.end(), key) == kCheckNames.end()) {
            return std::nullopt;
          }
          return assign(checks[key], read_thresholds(value, key));
        });
    if (!read) return read.error();
    return checks;
  }

  Result<Thresholds> read_thresholds(const YamlNode& map, const std::string& check) const {
    const std::string path = "checks." + check;
    Thresholds thresholds;
    std::pair<const YamlNode*, std::string> last{&map, path};
    const auto read =
        for_each_key(map, path, "warningThreshold, criticalThreshold",
                     [&](const std::string& key, const YamlNode& value) -> std::optional<Result<>> {
                       const std::string where = path + "." + key;
                       last = {&value, where};
                       if (key == "warningThreshold")
                         return assign(thresholds.warning, percent(value, where));
                       if (key == "criticalThreshold")
                         return assign(thresholds.critical, percent(value, where));
                       return std::nullopt;
                     });
    if (!read) return read.error();
    if (thresholds.warning && thresholds.critical && *thresholds.warning > *thresholds.critical) {
      return wrong(map, path,
                   fmt::format("warningThreshold {} is above criticalThreshold {}; swap them",
                               *thresholds.warning, *thresholds.critical));
    }
    // Here at most one was given; the other one is the check's default.
    const auto levels = valid_levels(check, thresholds);
    if (!levels) return wrong(*last.first, last.second, levels.error().what);
    return thresholds;
  }

  Result<std::optional<double>> percent(const YamlNode& node, const std::string& path) const {
    const auto scalar = want(node, path, NodeKind::scalar, "such as 70");
    if (!scalar) return scalar.error();
    const auto value = parse_percent(node.text);
    if (value) return value;
    return wrong(node, path,
                 fmt::format("\"{}\" is no percentage; give 0 to 100, such as 70", node.text));
  }

  Result<WebsocketConfig> read_websocket(const YamlNode& map) const {
    WebsocketConfig websocket;
    if (map.kind == NodeKind::null) return websocket;
    const auto read =
        for_each_key(map, "websocket", "ports, client_ports, auto, tls, limits",
                     [&](const std::string& key, const YamlNode& value) -> std::optional<Result<>> {
                       const std::string path = "websocket." + key;
                       if (key == "ports") return assign(websocket.ports, read_ports(value, path));
                       if (key == "client_ports")
                         return assign(websocket.client_ports, read_ports(value, path));
                       if (key == "auto") return assign(websocket.learns, read_flag(value, path));
                       if (key == "tls") return assign(websocket.tls, read_flag(value, path));
                       if (key == "limits") return assign(websocket.limits, read_limits(value));
                       return std::nullopt;
                     });
    if (!read) return read.error();
    return websocket;
  }

  Result<std::map<std::uint16_t, std::uint64_t>> read_limits(const YamlNode& map) const {
    std::map<std::uint16_t, std::uint64_t> limits;
    if (map.kind == NodeKind::null) return limits;
    const std::string path = "websocket.limits";
    if (auto is_map = want(map, path, NodeKind::map, "such as {8003: 10000}"); !is_map) {
      return is_map.error();
    }
    for (std::size_t i = 0; i + 1 < map.items.size(); i += 2) {
      const auto port = read_port(map.items[i], path);
      if (!port) return port.error();
      const YamlNode& node = map.items[i + 1];
      const auto limit = node.kind == NodeKind::scalar ? parse_number<std::uint64_t>(node.text)
                                                       : std::optional<std::uint64_t>();
      if (!limit || *limit == 0) {
        return wrong(
            node, fmt::format("{}.{}", path, *port),
            fmt::format("\"{}\" is no number of connections; give 1 or more, such as 10000",
                        node.text));
      }
      limits[*port] = *limit;
    }
    return limits;
  }

  Result<std::uint16_t> read_port(const YamlNode& node, const std::string& path) const {
    const auto port = node.kind == NodeKind::scalar ? parse_number<std::uint16_t>(node.text)
                                                    : std::optional<std::uint16_t>();
    if (port && *port != 0) return *port;
    return wrong(node, path,
                 fmt::format("\"{}\" is no port; give 1 to 65535, such as 8003", node.text));
  }

  Result<std::vector<std::uint16_t>> read_ports(const YamlNode& list,
                                                const std::string& path) const {
    const auto is_list = want(list, path, NodeKind::list, "such as [8003, 8080]");
    if (!is_list) return is_list.error();
    std::vector<std::uint16_t> ports;
    for (std::size_t i = 0; i < list.items.size(); ++i) {
      const auto port = read_port(list.items[i], fmt::format("{}[{}]", path, i));
      if (!port) return port.error();
      ports.push_back(*port);
    }
    return ports;
  }

  Result<bool> read_flag(const YamlNode& node, const std::string& path) const {
    if (node.kind == NodeKind::scalar && node.text == "true") return true;
    if (node.kind == NodeKind::scalar && node.text == "false") return false;
    return wrong(node, path, fmt::format("\"{}\" has to be true or false", node.text));
  }

  std::string_view file_;
  std::map<std::string, int, std::less<>> names_;    // with their lines
  std::map<std::string, int, std::less<>> matches_;  // with their lines
};

}  // namespace

Result<Config> parse_config(std::string_view text, std::string_view file_name) {
  if (text.size() > kLargestFile) {
    return Error{
        Error::Kind::malformed,
        fmt::format("{}: larger than {} bytes; is this the right file?", file_name, kLargestFile)};
  }
  const auto root = parse_yaml(text, file_name);
  if (!root) return root.error();
  return ConfigReader(file_name).read(*root);
}

Result<Config> load_config(const std::string& path) {
  if (path.empty()) return Config{};
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) {
    return Error{Error::Kind::io,
                 fmt::format("{}: is a directory; give the file, such as {}", path,
                             (std::filesystem::path(path) / "socket_exporter.yml").string())};
  }
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    const Error error = errno_error(path, errno);
    return Error{error.kind,
                 fmt::format("{}; check --config.file and the file's permissions", error.what)};
  }
  // One byte more than is allowed tells a file that is too large.
  std::string text(kLargestFile + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad()) return errno_error(path, errno);
  text.resize(static_cast<std::size_t>(file.gcount()));
  return parse_config(text, path);
}

}  // namespace socket_exporter
