#include "exporter/config/live_config.h"

#include <stdlib.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <thread>

using namespace socket_exporter;

namespace {

const Logger kQuiet(LogLevel::error, LogFormat::logfmt);

// A file of its own, gone with the test.
class File {
 public:
  File() {
    std::string name = std::filesystem::temp_directory_path() / "socket_exporter.XXXXXX";
    const int fd = ::mkstemp(name.data());
    REQUIRE(fd >= 0);
    ::close(fd);
    path_ = name;
  }
  ~File() { std::filesystem::remove(path_); }
  void write(std::string_view text) const { std::ofstream(path_, std::ios::binary) << text; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace

TEST_CASE("a reload puts the file's new content in force", "[live_config]") {
  const File file;
  std::vector<std::size_t> applied;
  LiveConfig live(
      file.path(), Config{}, [&](const Config& c) { applied.push_back(c.services.size()); },
      kQuiet);
  CHECK(applied == std::vector<std::size_t>{0});
  const auto started = live.last_reload();
  CHECK(started.successful);

  file.write("services: [{name: a, match: [10.0.0.1]}]\n");
  REQUIRE(live.reload());

  CHECK(applied == std::vector<std::size_t>{0, 1});
  CHECK(live.current()->services.at(0).name == "a");
  CHECK(live.last_reload().success_time >= started.success_time);
}

TEST_CASE("a wrong file keeps the configuration in force and is told", "[live_config]") {
  const File file;
  Config config;
  config.services.push_back({"old", {}});
  int applied = 0;
  LiveConfig live(
      file.path(), config, [&](const Config&) { ++applied; },
      Logger(LogLevel::error, LogFormat::logfmt));
  const auto before = live.last_reload().success_time;

  file.write("services: wrong\n");
  const auto reloaded = live.reload();

  REQUIRE_FALSE(reloaded);
  CHECK_THAT(reloaded.error().what, Catch::Contains(":1: services: is a single value"));
  CHECK(applied == 1);
  CHECK(live.current()->services.at(0).name == "old");
  CHECK_FALSE(live.last_reload().successful);
  CHECK(live.last_reload().success_time == before);

  file.write("");
  REQUIRE(live.reload());
  CHECK(live.last_reload().successful);
  CHECK(live.current()->services.empty());
}

TEST_CASE("without a file a reload changes nothing and succeeds", "[live_config]") {
  LiveConfig live(
      "", Config{}, [](const Config&) {}, kQuiet);
  CHECK(live.reload());
  CHECK(live.last_reload().successful);
}

TEST_CASE("reloads from many threads apply one after the other", "[live_config]") {
  const File file;
  int inside = 0;
  int applied = 0;
  bool overlapped = false;
  const auto apply = [&](const Config&) {
    overlapped = overlapped || ++inside > 1;
    ++applied;
    --inside;
  };
  LiveConfig live(file.path(), Config{}, apply, kQuiet);
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&] { static_cast<void>(live.reload()); });
    }
  }
  CHECK(applied == 9);
  CHECK_FALSE(overlapped);
}
