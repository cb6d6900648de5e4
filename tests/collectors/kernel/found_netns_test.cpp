#include "collectors/kernel/found_netns.h"

#include <catch2/catch.hpp>

using namespace socket_exporter;

namespace {

const Workload kPod{"shop", "cart-0", "5f1c0a9be27d", "1f0a2b3c-4d5e-6f70-8192-a3b4c5d6e7f8"};
const Workload kUnnamedPod{"", "", "5f1c0a9be27d", "1f0a2b3c-4d5e-6f70-8192-a3b4c5d6e7f8"};
const Workload kContainer{"", "", "5f1c0a9be27d", ""};

FoundNetns found(std::uint32_t inode, std::string name) {
  return {{inode, std::move(name)}, 0, "", std::nullopt};
}

std::vector<std::string> unique_names(std::vector<FoundNetns> all) {
  make_names_unique(all);
  std::vector<std::string> names;
  for (const FoundNetns& one : all) names.push_back(one.ns.name);
  return names;
}

}  // namespace

TEST_CASE("a namespace is called by its file, its pod, its container or its inode", "[netns]") {
  CHECK(netns_name(7, "blue", {}) == "blue");
  CHECK(netns_name(7, "blue", kPod) == "blue");
  CHECK(netns_name(7, "", kPod) == "shop/cart-0");
  CHECK(netns_name(7, "", kContainer) == "container:5f1c0a9be27d");
  CHECK(netns_name(7, "", kUnnamedPod) == "container:5f1c0a9be27d");
  CHECK(netns_name(7, "", {}) == "net:[7]");
}

TEST_CASE("a name that CNI made gives way to the pod's", "[netns]") {
  const std::string file = "cni-1f0a2b3c-4d5e-6f70-8192-a3b4c5d6e7f8";
  CHECK(netns_name(7, file, kPod) == "shop/cart-0");
  CHECK(netns_name(7, file, kContainer) == file);
  CHECK(netns_name(7, file, {}) == file);
}

TEST_CASE("a file cannot bear a name by inode", "[netns]") {
  CHECK(netns_name(7, "net:[8]", {}) == "net:[7]");
}

TEST_CASE("names are printable and valid UTF-8", "[netns]") {
  CHECK(netns_name(7, "bl\xC3\xBC", {}) == "bl\xC3\xBC");
  CHECK(netns_name(7, "a\nb\x1b[31m\x7f", {}) == "a\uFFFDb\uFFFD[31m\uFFFD");
  CHECK(netns_name(7, "\xff\xC3", {}) == "\uFFFD\uFFFD");
  CHECK(netns_name(7,
                   "a\xC2\x9B"
                   "b\xC2\xA0",
                   {}) == "a\uFFFDb\xC2\xA0");
}

TEST_CASE("of several with one name the newest keeps it", "[netns]") {
  CHECK(unique_names({}).empty());
  CHECK(unique_names({found(1, "host"), found(2, "shop/cart-0"), found(3, "blue"),
                      found(4, "shop/cart-0"), found(5, "shop/cart-0")}) ==
        std::vector<std::string>{"host", "net:[2]", "blue", "net:[4]", "shop/cart-0"});
}

TEST_CASE("none takes the name of the exporter's own", "[netns]") {
  CHECK(unique_names({found(1, "host"), found(2, "host")}) ==
        std::vector<std::string>{"host", "net:[2]"});
}
