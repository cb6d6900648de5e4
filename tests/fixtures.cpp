#include "tests/fixtures.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace socket_exporter {
namespace {

const std::filesystem::path kFixtures = SOCKET_EXPORTER_FIXTURES;

}  // namespace

std::string fixture(std::string_view path) {
  std::ifstream file(kFixtures / path, std::ios::binary);
  INFO(path);
  REQUIRE(file);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::map<std::string, std::string, std::less<>> proc_fixtures() {
  std::map<std::string, std::string, std::less<>> files;
  const std::filesystem::path root = kFixtures / "proc";
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    if (!entry.is_regular_file()) continue;
    const std::string path = entry.path().lexically_relative(root).generic_string();
    files[path] = fixture("proc/" + path);
  }
  return files;
}

}  // namespace socket_exporter
