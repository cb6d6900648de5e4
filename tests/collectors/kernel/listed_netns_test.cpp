#include "collectors/kernel/listed_netns.h"

#include <catch2/catch.hpp>
#include <vector>

using namespace socket_exporter;

namespace {

using Inodes = std::set<std::uint32_t>;

NetNs ns(std::uint32_t inode, std::uint64_t cookie) {
  return {inode, "any", cookie};
}

}  // namespace

TEST_CASE("a namespace is gone when its inode is, or has another cookie", "[listed_netns]") {
  ListedNetns listed;
  CHECK(listed.update(std::vector{ns(1, 11), ns(2, 12), ns(3, 13)}).empty());
  CHECK(listed.update(std::vector{ns(3, 13), ns(1, 11), ns(2, 12)}).empty());
  CHECK(listed.update(std::vector{ns(1, 11), ns(2, 22), ns(4, 14)}) == Inodes{2, 3});
  CHECK(listed.update(std::vector{ns(1, 11), ns(2, 22), ns(4, 14)}).empty());
  CHECK(listed.update({}) == Inodes{1, 2, 4});
  CHECK(listed.update(std::vector{ns(1, 11)}).empty());
}

TEST_CASE("without cookies a namespace stays as long as its inode does", "[listed_netns]") {
  ListedNetns listed;
  listed.update(std::vector{ns(1, 0), ns(2, 0)});
  CHECK(listed.update(std::vector{ns(1, 0), ns(3, 0)}) == Inodes{2});
}
