#pragma once

#include <optional>
#include <string>
#include <vector>

#include "collectors/kernel/kernel.h"
#include "collectors/kernel/sock_diag.h"
#include "collectors/kernel/tcp_scan.h"

namespace socket_exporter {

/// The running kernel, through procfs, NETLINK_SOCK_DIAG and eBPF. What it offers is found
/// out by the constructor; where netlink is refused /proc/net is read instead.
class LinuxKernel final : public Kernel {
 public:
  explicit LinuxKernel(std::string procfs_root);

  Result<std::vector<NetNs>> namespaces() override;
  Result<std::string> read_proc(const NetNs& ns, std::string_view path) override;
  Result<std::size_t> count_proc_entries(std::string_view path) override;
  Result<ScanStats> scan_sockets(const NetNs& ns, Detail detail, Deadline deadline,
                                 const SocketSink& sink) override;
  Result<Owners> socket_owners(Deadline deadline) override;
  std::vector<Feature> features() const override;

 private:
  class Pass;

  void probe();
  Result<SockDiag*> diag();
  Result<> scan_tcp_diag(Pass& pass, Detail detail, Deadline deadline);
  Result<> scan_udp_diag(Pass& pass, Deadline deadline);

  std::string root_;
  std::optional<std::uint32_t> own_netns_;  ///< inode; no thread of ours ever changes it
  std::vector<Feature> features_;
  bool tcp_diag_ = false;
  bool udp_diag_ = false;
  TcpScan tcp_scan_;
  std::optional<SockDiag> diag_;  ///< made anew after an error, which may leave replies unread
};

}  // namespace socket_exporter
