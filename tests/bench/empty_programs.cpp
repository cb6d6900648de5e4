// empty_programs
//
// Attaches eBPF programs that do nothing where those that follow connections are, from "ready"
// until standard input ends: what the kernel measures of them is its own measuring.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <array>
#include <cerrno>
#include <iostream>
#include <string>
#include <system_error>

#include "collectors/base/fd.h"
#include "collectors/kernel/cgroup_root.h"

namespace {

using socket_exporter::Fd;

constexpr auto kEvent = "inet_sock_set_state";
constexpr std::array<bpf_insn, 2> kPass{{
    {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .src_reg = 0, .off = 0, .imm = 1},
    {.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0},
}};

Fd made(int number, const std::string& what) {
  if (number < 0) throw std::system_error(-number, std::generic_category(), what);
  return Fd(number);
}

Fd load(bpf_prog_type type, bpf_attach_type where, int function) {
  bpf_prog_load_opts options{};
  options.sz = sizeof options;
  options.expected_attach_type = where;
  options.attach_btf_id = static_cast<__u32>(function);
  return made(bpf_prog_load(type, "empty", "GPL", kPass.data(), kPass.size(), &options), "load");
}

void run() {
  const int event = libbpf_find_vmlinux_btf_id(kEvent, BPF_TRACE_RAW_TP);
  if (event < 0) throw std::system_error(-event, std::generic_category(), kEvent);
  const Fd follow = load(BPF_PROG_TYPE_TRACING, BPF_TRACE_RAW_TP, event);
  const Fd followed = made(bpf_raw_tracepoint_open(nullptr, follow.number()), "attach");

  const auto root = socket_exporter::open_root_cgroup("/proc");
  if (!root) throw std::runtime_error(root.error().what);
  std::array<Fd, 4> held;
  auto next = held.begin();
  for (const auto way : {BPF_CGROUP_INET_EGRESS, BPF_CGROUP_INET_INGRESS}) {
    *next = load(BPF_PROG_TYPE_CGROUP_SKB, way, 0);
    const int program = (next++)->number();
    *next++ = made(bpf_link_create(program, root->number(), way, nullptr), "attach");
  }
  std::cout << "ready" << std::endl;
  std::cin.get();
}

}  // namespace

int main() {
  try {
    run();
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "empty_programs: " << error.what() << std::endl;
    return 1;
  }
}
