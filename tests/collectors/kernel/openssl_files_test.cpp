#include "collectors/kernel/openssl_files.h"

#include <fmt/format.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

using namespace socket_exporter;

namespace {

/// A procfs with processes that have this program as libssl.so, by hard links or by copies.
class ProcessesWithOpenssl {
 public:
  ProcessesWithOpenssl() {
    char made[] = "/tmp/openssl_files_XXXXXX";
    root_ = ::mkdtemp(made);
  }
  ProcessesWithOpenssl(const ProcessesWithOpenssl&) = delete;
  ProcessesWithOpenssl& operator=(const ProcessesWithOpenssl&) = delete;
  ~ProcessesWithOpenssl() { std::filesystem::remove_all(root_); }

  std::filesystem::path add(int pid) {
    const auto process = root_ / std::to_string(pid);
    std::filesystem::create_directories(process / "root/lib");
    std::ofstream(process / "maps")
        << "7f31c8a2e000-7f31c8a8b000 r-xp 0001e000 08:01 1234   /lib/libssl.so.3\n";
    return process / "root/lib/libssl.so.3";
  }
  std::string root() const { return root_.native(); }

 private:
  std::filesystem::path root_;
};

}  // namespace

TEST_CASE("OpenSSL's libraries are found by their name, where code of them runs",
          "[openssl_files]") {
  const auto found = openssl_libraries(
      "55d0a0000000-55d0a0400000 r-xp 00000000 08:01 11   /usr/sbin/nginx\n"
      "7f31c8a10000-7f31c8a2e000 r--p 00000000 08:01 12   /usr/lib/x86_64-linux-gnu/libssl.so.3\n"
      "7f31c8a2e000-7f31c8a8b000 r-xp 0001e000 08:01 12   /usr/lib/x86_64-linux-gnu/libssl.so.3\n"
      "7f31c8b2e000-7f31c8b8b000 r-xp 0001e000 08:01 13   /a b/libssl-3a880ada.so.1.1 (deleted)\n"
      "7f31c8c2e000-7f31c8c8b000 r-xp 0001e000 08:01 14   /usr/lib/libssl3.txt\n"
      "7f31c8d2e000-7f31c8d8b000 r-xp 0001e000 00:00 0 \n"
      "7f31c8e2e000-7f31c8e8b000 r-xp 00000000 00:00 0    [vdso]\n");
  REQUIRE(found.size() == 2);
  CHECK(found[0].path == "/usr/lib/x86_64-linux-gnu/libssl.so.3");
  CHECK_FALSE(found[0].is_deleted);
  CHECK(found[1].path == "/a b/libssl-3a880ada.so.1.1");
  CHECK(found[1].range == "7f31c8b2e000-7f31c8b8b000");
  CHECK(found[1].is_deleted);
}

TEST_CASE("lines that are no mappings are skipped", "[openssl_files]") {
  const std::string text = GENERATE("", "\n\n", "libssl.so", "1-2 r-xp", "1-2 r-xp 0 0 0 libssl.so",
                                    "1-2 rx 0 0 0 /libssl.so\n");
  CHECK(openssl_libraries(text).empty());
}

TEST_CASE("a library is new once, however many processes have it", "[openssl_files]") {
  ProcessesWithOpenssl processes;
  const auto first = processes.add(10);
  std::filesystem::copy_file("/proc/self/exe", first);
  std::filesystem::create_hard_link(first, processes.add(11));
  std::filesystem::copy_file("/proc/self/exe", processes.add(12));
  OpensslFiles files(processes.root());
  REQUIRE(files.new_files_of(10).size() == 1);
  CHECK(files.new_files_of(10).empty());
  CHECK(files.new_files_of(11).empty());
  const auto copy = files.new_files_of(12);
  REQUIRE(copy.size() == 1);
  CHECK(copy.front().path == fmt::format("{}/12/root/lib/libssl.so.3", processes.root()));
  CHECK(copy.front().file);
}

TEST_CASE("what is no 64-bit program or library is left alone", "[openssl_files]") {
  ProcessesWithOpenssl processes;
  std::ofstream(processes.add(10)) << GENERATE("", "text",
                                               "\x7f"
                                               "ELF\x01"
                                               "32-bit");
  OpensslFiles files(processes.root());
  CHECK(files.new_files_of(10).empty());
  CHECK(files.new_files_of(99).empty());
}
