#include "collectors/kernel/cgroup_path.h"

#include <catch2/catch.hpp>
#include <string>

using namespace socket_exporter;

namespace {

const std::string kId = "5f1c0a9be27d5f1c0a9be27d5f1c0a9be27d5f1c0a9be27d5f1c0a9be27d5f1c";
const std::string kOuterId = "aaaabbbbccccddddeeeeffff0000111122223333444455556666777788889999";
const std::string kUid = "1f0a2b3c-4d5e-6f70-8192-a3b4c5d6e7f8";
const std::string kUnitUid = "1f0a2b3c_4d5e_6f70_8192_a3b4c5d6e7f8";
const std::string kStaticUid = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";

std::string replaced(std::string text, const std::string& word, const std::string& by) {
  for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + by.size())) {
    text.replace(at, word.size(), by);
  }
  return text;
}

/// Paths are written with ID, OUTER, UID, UNIT_UID and STATIC in the places of these.
std::string full(std::string text) {
  text = replaced(std::move(text), "UNIT_UID", kUnitUid);
  text = replaced(std::move(text), "UID", kUid);
  text = replaced(std::move(text), "OUTER", kOuterId);
  text = replaced(std::move(text), "STATIC", kStaticUid);
  return replaced(std::move(text), "ID", kId);
}

struct Layout {
  std::string path;
  std::string container;
  std::string pod_uid;
};

const std::string kShort = "5f1c0a9be27d";

}  // namespace

TEST_CASE("a container's path has its id", "[cgroup_path]") {
  const auto path = GENERATE(values<std::string>({
      "/docker/ID",
      "/docker/ID/init.scope",
      "/system.slice/docker-ID.scope",
      "/user.slice/user-1000.slice/user@1000.service/user.slice/docker-ID.scope",
      "/actions_job/ID",
      "/default/ID",
      "/k8s.io/ID",
      "/ecs/1f0a2b3c4d5e6f708192a3b4c5d6e7f8/ID",
      "/ecstasks.slice/ecstasks-1f0a2b3c.slice/docker-ID.scope",
      "/system.slice/nerdctl-ID.scope",
      "/user.slice/user-1000.slice/user@1000.service/user.slice/nerdctl-ID.scope",
      "/system.slice/containerd-ID.scope",
      "/machine.slice/libpod-ID.scope",
      "/machine.slice/libpod-ID.scope/container",
      "/machine.slice/libpod-conmon-ID.scope",
      "/machine.slice/machine-libpod_pod_OUTER.slice/libpod-ID.scope",
      "/user.slice/user-1000.slice/user@1000.service/user.slice/user-libpod_pod_OUTER.slice/"
      "libpod-ID.scope/container",
      "/libpod_parent/libpod-ID",
      "/libpod_parent/libpod-ID/ctr",
      "/libpod_parent/OUTER/libpod-ID",
      "/system.slice/web.service/libpod-payload-ID",
      "/system.slice/containerd.service/system.slice:docker:ID",
      "/docker/OUTER/docker/ID",
      "/docker/OUTER/system.slice/docker-ID.scope",
      "/system.slice/docker-OUTER.scope/system.slice/docker-ID.scope",
      "/lxc/101/docker/ID",
      "/../ID",
      "/../../system.slice/docker-ID.scope",
      "/../cri-containerd-ID.scope",
      "/docker/ID/system.slice/nginx.service",
  }));
  CAPTURE(path);
  CHECK(parse_cgroup_path(full(path)) == CgroupIds{kShort, ""});
}

TEST_CASE("a pod's path has its uid and the container's id", "[cgroup_path]") {
  const auto path = GENERATE(values<std::string>({
      "/kubepods.slice/kubepods-podUNIT_UID.slice/cri-containerd-ID.scope",
      "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podUNIT_UID.slice/"
      "cri-containerd-ID.scope",
      "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-podUNIT_UID.slice/"
      "crio-ID.scope",
      "/kubepods.slice/kubepods-podUNIT_UID.slice/crio-ID.scope/container",
      "/kubepods.slice/kubepods-podUNIT_UID.slice/crio-conmon-ID.scope",
      "/kubepods.slice/kubepods-podUNIT_UID.slice/docker-ID.scope",
      "/kubepods/podUID/ID",
      "/kubepods/burstable/podUID/ID",
      "/kubepods/besteffort/podUID/crio-ID",
      "/kubepods/besteffort/podUID/crio-conmon-ID",
      "/system.slice/containerd.service/kubepods-burstable-podUNIT_UID.slice:cri-containerd:ID",
      "/kubepods-besteffort-podUNIT_UID.slice:crio:ID",
      "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-burstable.slice/"
      "kubelet-kubepods-burstable-podUNIT_UID.slice/cri-containerd-ID.scope",
      "/system.slice/docker-OUTER.scope/kubelet.slice/kubelet-kubepods.slice/"
      "kubelet-kubepods-podUNIT_UID.slice/cri-containerd-ID.scope",
      "/docker/OUTER/kubelet/kubepods/burstable/podUID/ID",
      "/docker/OUTER/kubepods/besteffort/podUID/ID",
      "/docker/OUTER/kubepods.slice/kubepods-podUNIT_UID.slice/cri-containerd-ID.scope",
      "/kubepods/podUID/OUTER/docker/ID",
      "/kubepods/pod0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0/OUTER/kubepods/podUID/ID",
      "/../../podUID/ID",
      "/../../kubepods-burstable-podUNIT_UID.slice/cri-containerd-ID.scope",
      "/kubepods/podUID/ID/system.slice/nginx.service",
  }));
  CAPTURE(path);
  CHECK(parse_cgroup_path(full(path)) == CgroupIds{kShort, kUid});
}

TEST_CASE("other paths have a part of it or nothing", "[cgroup_path]") {
  const auto layout = GENERATE(values<Layout>({
      // A static pod's uid is a hash.
      {"/kubepods/burstable/podSTATIC/ID", kShort, kStaticUid},
      {"/kubepods.slice/kubepods-podSTATIC.slice/cri-containerd-ID.scope", kShort, kStaticUid},
      // A pod that has no container, in the container of its node.
      {"/docker/OUTER/kubepods/podUID", "", kUid},
      {"/kubepods.slice/kubepods-podUNIT_UID.slice", "", kUid},
      // Containers that have a name instead of an id.
      {"/lxc/web1", "web1", ""},
      {"/lxc/web1/system.slice/x.service", "web1", ""},
      {"/lxc.payload/web1", "web1", ""},
      {"/lxc.payload.web-1.example/init.scope", "web-1.example", ""},
      {"/lxc.monitor.web1", "web1", ""},
      {"/lxc/101/ns/init.scope", "101", ""},
      {"/lxc.payload.outer/lxc.payload.inner", "inner", ""},
      {"/garden/6f265890-5165-7fab-6b52-18d1", "6f265890-5165-7fab-6b52-18d1", ""},
      // None.
      {"", "", ""},
      {"/", "", ""},
      {"//", "", ""},
      {"/..", "", ""},
      {"/init.scope", "", ""},
      {"/system.slice/nginx.service", "", ""},
      {"/system.slice/docker.service", "", ""},
      {"/system.slice/containerd.service", "", ""},
      {"/system.slice/lxc.service", "", ""},
      {"/user.slice/user-0.slice/session-3.scope", "", ""},
      {"/user.slice/user-1000.slice/user@1000.service/app.slice/docker-desktop.service", "", ""},
      {"/docker", "", ""},
      {"/docker/buildkit/0a9be27d5f1c", "", ""},
      {"/docker/IDa", "", ""},
      {"/docker/xID", "", ""},
      {"/system.slice/run-ID.scope", "", ""},
      {"/system.slice/docker-IDa.scope", "", ""},
      {"/system.slice/var-lib-docker-overlay2-ID-merged.mount", "", ""},
      {"/machine.slice/machine-libpod_pod_ID.slice", "", ""},
      {"/process_api/STATIC", "", ""},
      {"/system.slice/podman.service", "", ""},
      {"/system.slice/tripodUID.service", "", ""},
      {"/kubepods/podUIDa", "", ""},
      {"/kubepods/pod1f0a2b3c-4d5e-6f70-8192+a3b4c5d6e7f8", "", ""},
      {"/kubepods.slice/kubepods-burstable.slice", "", ""},
      {"/lxc", "", ""},
      {"/lxc/", "", ""},
      {"/lxc/..", "", ""},
      {"/lxc/\xff\xfe", "", ""},
      {"/lxc.payload.", "", ""},
      {"/system.slice/lxcfs.service", "", ""},
  }));
  CAPTURE(layout.path);
  CHECK(parse_cgroup_path(full(layout.path)) == CgroupIds{layout.container, layout.pod_uid});
}

TEST_CASE("of a process's cgroups the one that says the most counts", "[cgroup_path]") {
  const CgroupIds pod{kShort, kUid};
  SECTION("v2 has one line") {
    const auto parsed = parse_process_cgroup(
        full("0::/kubepods.slice/kubepods-podUNIT_UID.slice/cri-containerd-ID.scope\n"));
    CHECK(parsed.ids == pod);
    CHECK(parsed.same_in_v2);
  }
  SECTION("colons in the path belong to it, and the cgroup may be gone") {
    CHECK(parse_process_cgroup(full("0::/kubepods-podUNIT_UID.slice:crio:ID (deleted)\n")).ids ==
          pod);
  }
  SECTION("v1 has a line for each controller") {
    const auto parsed =
        parse_process_cgroup(full("12:memory:/docker/OUTER/kubepods/podUID/ID\n"
                                  "11:cpu,cpuacct:/docker/OUTER/kubepods/podUID/ID\n"
                                  "1:name=systemd:/docker/OUTER\n"));
    CHECK(parsed.ids == pod);
    CHECK_FALSE(parsed.same_in_v2);
  }
  SECTION("in a hybrid the v2 cgroup may be that of the daemon") {
    const auto parsed =
        parse_process_cgroup(full("4:pids:/docker/ID\n"
                                  "1:name=systemd:/docker/ID\n"
                                  "0::/system.slice/containerd.service\n"));
    CHECK(parsed.ids == CgroupIds{kShort, ""});
    CHECK_FALSE(parsed.same_in_v2);
  }
  SECTION("in a hybrid the v2 cgroup may be that of the container") {
    const auto parsed =
        parse_process_cgroup(full("4:pids:/system.slice/docker-ID.scope\n"
                                  "0::/system.slice/docker-ID.scope\n"));
    CHECK(parsed.ids == CgroupIds{kShort, ""});
    CHECK(parsed.same_in_v2);
  }
  SECTION("the deepest of equals counts") {
    CHECK(parse_process_cgroup(full("5:pids:/docker/OUTER\n4:memory:/docker/OUTER/docker/ID\n"
                                    "1:name=systemd:/docker/OUTER\n"))
              .ids == CgroupIds{kShort, ""});
  }
  SECTION("a process without a container") {
    const auto hybrid = parse_process_cgroup("4:pids:/\n0::/system.slice/nginx.service\n");
    CHECK(hybrid.ids == CgroupIds{});
    CHECK_FALSE(hybrid.same_in_v2);
    CHECK(parse_process_cgroup("0::/system.slice/nginx.service\n").same_in_v2);
  }
  SECTION("other lines are skipped") {
    CHECK(parse_process_cgroup(full("\nx\n::\n:\n0:/docker/OUTER\n0::/docker/ID")).ids ==
          CgroupIds{kShort, ""});
    CHECK(parse_process_cgroup("").ids == CgroupIds{});
  }
}
