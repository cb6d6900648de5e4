#include "exporter/config/yaml_tree.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <map>
#include <sstream>

namespace socket_exporter {
namespace {

constexpr std::size_t kDeepest = 16;

// Thrown through yaml-cpp's parser, which has no other way to stop.
struct Refused {
  int line;
  std::string what;
};

int line_of(const YAML::Mark& mark) {
  return std::max(mark.line, 0) + 1;
}

class TreeBuilder final : public YAML::EventHandler {
 public:
  YamlNode take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1)
      throw Refused{line_of(mark), "a second document; keep one, without \"---\""};
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    refuse_anchor(mark, anchor);
    add({YamlNode::Kind::null, line_of(mark)});
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    refuse_anchor(mark, anchor);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    refuse_anchor(mark, anchor);
    refuse_tag(mark, tag);
    add({YamlNode::Kind::scalar, line_of(mark), value});
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    begin(YamlNode::Kind::list, mark, tag, anchor);
  }
  void OnSequenceEnd() override { end(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    begin(YamlNode::Kind::map, mark, tag, anchor);
  }
  void OnMapEnd() override { end(); }

 private:
  struct Level {
    YamlNode node;
    std::map<std::string, int, std::less<>> keys{};  // of a mapping, with their lines
  };

  static void refuse_anchor(const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (anchor != YAML::NullAnchor) {
      throw Refused{line_of(mark),
                    "anchors and aliases (&x, *x) are not supported; write the value out"};
    }
  }
  static void refuse_tag(const YAML::Mark& mark, const std::string& tag) {
    if (!tag.empty() && tag != "?" && tag != "!") {
      throw Refused{line_of(mark), fmt::format("tags ({}) are not supported; leave it out", tag)};
    }
  }

  void begin(YamlNode::Kind kind, const YAML::Mark& mark, const std::string& tag,
             YAML::anchor_t anchor) {
    refuse_anchor(mark, anchor);
    refuse_tag(mark, tag);
    const YamlNode node{kind, line_of(mark)};
    refuse_key(node);
    if (open_.size() == kDeepest) throw Refused{node.line, "nested too deeply"};
    open_.push_back({node});
  }
  void end() {
    YamlNode node = std::move(open_.back().node);
    open_.pop_back();
    add(std::move(node));
  }

  bool key_is_next() const {
    return !open_.empty() && open_.back().node.kind == YamlNode::Kind::map &&
           open_.back().node.items.size() % 2 == 0;
  }
  // Called before a list or mapping is entered, when its parent still tells what it stands for.
  void refuse_key(const YamlNode& node) const {
    if (key_is_next() && node.kind != YamlNode::Kind::scalar) {
      throw Refused{node.line, "a key has to be a word"};
    }
  }
  void add(YamlNode node) {
    if (key_is_next()) {
      refuse_key(node);
      const auto [earlier, is_new] = open_.back().keys.emplace(node.text, node.line);
      if (!is_new) {
        throw Refused{node.line, fmt::format("the key \"{}\" is also on line {}; remove one",
                                             node.text, earlier->second)};
      }
    }
    if (open_.empty()) {
      root_ = std::move(node);
    } else {
      open_.back().node.items.push_back(std::move(node));
    }
  }

  YamlNode root_;
  std::vector<Level> open_;
  int documents_ = 0;
};

// Of text there are no control characters but those between words and lines.
void refuse_binary(std::string_view text) {
  const auto is_binary = [](unsigned char c) {
    return (c < ' ' && c != '\t' && c != '\n' && c != '\r') || c == 0x7f;
  };
  const auto found = std::find_if(text.begin(), text.end(), is_binary);
  if (found == text.end()) return;
  throw Refused{static_cast<int>(std::count(text.begin(), found, '\n')) + 1,
                fmt::format("not a text file: it has a byte 0x{:02x}; give a YAML file in UTF-8, "
                            "such as socket_exporter.yml",
                            static_cast<unsigned char>(*found))};
}

// An escape is wrong only within double quotes.
std::string_view fix_for(std::string_view message) {
  return message.find("escape") != std::string_view::npos
             ? "write \\\\ for a backslash within double quotes, or use single quotes"
             : "quote values that begin with [ or { or contain \": \"";
}

}  // namespace

Result<YamlNode> parse_yaml(std::string_view text, std::string_view name) {
  const auto refuse = [&](int line, std::string_view what) {
    return Error{Error::Kind::malformed, fmt::format("{}:{}: {}", name, line, what)};
  };
  try {
    refuse_binary(text);
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    TreeBuilder builder;
    while (parser.HandleNextDocument(builder)) {
    }
    return builder.take();
  } catch (const Refused& refused) {
    return refuse(refused.line, refused.what);
  } catch (const YAML::Exception& error) {
    return refuse(line_of(error.mark),
                  fmt::format("not YAML: {}; {}", error.msg, fix_for(error.msg)));
  }
}

}  // namespace socket_exporter
