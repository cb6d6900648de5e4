#include "collectors/kernel/proc_file.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <vector>

using namespace socket_exporter;

namespace {

/// A file that goes with the test.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& text)
      : path_(std::filesystem::temp_directory_path() /
              ("socket_exporter_test." + std::to_string(getpid()))) {
    std::ofstream(path_, std::ios::binary) << text;
  }
  ~TemporaryFile() { std::filesystem::remove(path_); }
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

std::vector<std::string> lines_of(const std::string& text) {
  const TemporaryFile file(text);
  std::vector<std::string> lines;
  REQUIRE(for_each_line(file.path(), [&](std::string_view line) -> Result<bool> {
    lines.emplace_back(line);
    return true;
  }));
  return lines;
}

}  // namespace

TEST_CASE("a file larger than one read comes whole", "[proc_file]") {
  std::string text;
  for (int i = 0; i < 5000; ++i) text += std::to_string(i) + " ";
  const TemporaryFile file(text);
  const auto read = read_file(file.path());
  REQUIRE(read);
  CHECK(*read == text);
}

TEST_CASE("lines come one by one, across buffers and without a last newline", "[proc_file]") {
  CHECK(lines_of("").empty());
  CHECK(lines_of("a\n\nb") == std::vector<std::string>{"a", "", "b"});
  std::string text;
  std::vector<std::string> expected;
  for (int i = 0; i < 20000; ++i) {
    expected.push_back("line " + std::to_string(i));
    text += expected.back() + "\n";
  }
  CHECK(lines_of(text) == expected);
}

TEST_CASE("reading lines ends early when the reader has enough", "[proc_file]") {
  const TemporaryFile file("a\nb\nc\n");
  int seen = 0;
  REQUIRE(for_each_line(file.path(), [&](std::string_view) -> Result<bool> { return ++seen < 2; }));
  CHECK(seen == 2);
}

TEST_CASE("a line without end is refused", "[proc_file]") {
  const TemporaryFile file(std::string(70000, 'x'));
  const auto read =
      for_each_line(file.path(), [](std::string_view) -> Result<bool> { return true; });
  REQUIRE_FALSE(read);
  CHECK(read.error().kind == Error::Kind::malformed);
}

TEST_CASE("an absent file is unavailable and named", "[proc_file]") {
  const auto read = read_file("/proc/no_such_file");
  REQUIRE_FALSE(read);
  CHECK(read.error().kind == Error::Kind::unavailable);
  CHECK_THAT(read.error().what, Catch::Contains("/proc/no_such_file"));
  CHECK_FALSE(count_entries("/proc/no_such_directory"));
}

TEST_CASE("directory entries are counted", "[proc_file]") {
  const auto count = count_entries("/proc/self/task");
  REQUIRE(count);
  CHECK(*count >= 1);
}
