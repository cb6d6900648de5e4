#include "collectors/kernel/pod_logs.h"

#include <catch2/catch.hpp>
#include <filesystem>

#include "tests/collectors/kernel/temporary_directory.h"

using namespace socket_exporter;
namespace fs = std::filesystem;

namespace {

const std::string kUid = "1f0a2b3c-4d5e-6f70-8192-a3b4c5d6e7f8";
const std::string kStaticUid = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";

}  // namespace

TEST_CASE("a directory of logs has a pod's namespace, name and uid", "[pod_logs]") {
  const auto usual = parse_pod_log_directory("kube-system_coredns-76f75df574-2xk9p_" + kUid);
  REQUIRE(usual);
  CHECK(usual->uid == kUid);
  CHECK(usual->name == PodName{"kube-system", "coredns-76f75df574-2xk9p"});

  const auto of_file = parse_pod_log_directory("kube-system_etcd-node1.example.org_" + kStaticUid);
  REQUIRE(of_file);
  CHECK(of_file->uid == kStaticUid);
  CHECK(of_file->name == PodName{"kube-system", "etcd-node1.example.org"});
}

TEST_CASE("other directories are no pod's", "[pod_logs]") {
  const auto name = GENERATE(values<std::string>(
      {"", "_", "__", "default_web", "default_web_", "default_web_1f0a2b3c", "__" + kUid,
       "default__" + kUid, "_web_" + kUid, "default_we_b_" + kUid, "default_Web_" + kUid,
       "default_web\n_" + kUid, "default_web_" + kUid + "0", "default_" + kUid, kUid}));
  CAPTURE(name);
  CHECK_FALSE(parse_pod_log_directory(name));
}

TEST_CASE("the directory is read anew for an unknown pod, but not all the time", "[pod_logs]") {
  const TemporaryDirectory directory;
  fs::create_directory(directory.path() / ("default_web_" + kUid));
  PodLogs logs(directory.path().string());
  const PodLogs::Time start{};

  REQUIRE(logs.name_of(kUid, start) != nullptr);
  CHECK(*logs.name_of(kUid, start) == PodName{"default", "web"});

  fs::create_directory(directory.path() / ("kube-system_etcd_" + kStaticUid));
  CHECK(logs.name_of(kStaticUid, start + std::chrono::seconds(1)) == nullptr);
  REQUIRE(logs.name_of(kStaticUid, start + std::chrono::seconds(6)) != nullptr);
  CHECK(logs.name_of(kStaticUid, start + std::chrono::seconds(6))->pod == "etcd");

  fs::remove(directory.path() / ("default_web_" + kUid));
  CHECK(logs.name_of("another", start + std::chrono::seconds(12)) == nullptr);
  CHECK(logs.name_of(kUid, start + std::chrono::seconds(12)) == nullptr);
}

TEST_CASE("a host without Kubernetes has no pods", "[pod_logs]") {
  const TemporaryDirectory directory;
  PodLogs logs((directory.path() / "missing").string());
  CHECK(logs.name_of(kUid, {}) == nullptr);
}
