#include "collectors/kernel/proc_net_scan.h"

#include <vector>

#include "collectors/kernel/proc_file.h"
#include "collectors/kernel/proc_net_sockets.h"

namespace socket_exporter {
namespace {

constexpr std::size_t kBatch = 256;

enum class Part { listeners, others, all };

std::string path_of(const std::string& root, Protocol protocol, Family family) {
  std::string path = root + "/net/" + std::string(to_string(protocol));
  if (family == Family::ipv6) path += '6';
  return path;
}

/// Reads one file and hands on the wanted part of it.
class Reader {
 public:
  using Sink = std::function<void(std::span<Socket>)>;

  Reader(Part part, Deadline deadline, const Sink& sink)
      : part_(part), deadline_(deadline), sink_(sink) {
    batch_.reserve(kBatch);
  }

  Result<> read(const std::string& path, Protocol protocol, Family family) {
    bool header = true;
    auto read = for_each_line(path, [&](std::string_view line) -> Result<bool> {
      if (std::exchange(header, false)) return true;
      const auto socket = parse_proc_socket(line, protocol, family);
      if (!socket) return socket.error();
      return take(*socket);
    });
    flush();
    // The family is off: no file, no sockets.
    if (!read && read.error().kind == Error::Kind::unavailable) return {};
    return read;
  }

 private:
  // False when nothing wanted can follow: the kernel prints listeners first.
  Result<bool> take(const Socket& socket) {
    const bool listener = socket.state == TcpState::listen;
    if (part_ == Part::listeners && !listener) return false;
    if (part_ == Part::others && listener) return true;
    batch_.push_back(socket);
    if (batch_.size() < kBatch) return true;
    flush();
    if (std::chrono::steady_clock::now() < deadline_) return true;
    return Error{Error::Kind::timeout, "/proc/net: deadline passed during the scan"};
  }

  void flush() {
    if (!batch_.empty()) sink_(batch_);
    batch_.clear();
  }

  Part part_;
  Deadline deadline_;
  const Sink& sink_;
  std::vector<Socket> batch_;
};

}  // namespace

Result<> scan_proc_sockets(const std::string& root, Protocol protocol, Deadline deadline,
                           const std::function<void(std::span<Socket>)>& sink) {
  const auto parts = protocol == Protocol::tcp ? std::vector{Part::listeners, Part::others}
                                               : std::vector{Part::all};
  for (const Part part : parts) {
    Reader reader(part, deadline, sink);
    for (const Family family : {Family::ipv4, Family::ipv6}) {
      auto read = reader.read(path_of(root, protocol, family), protocol, family);
      if (!read) return read;
    }
  }
  return {};
}

}  // namespace socket_exporter
