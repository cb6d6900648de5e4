#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "exporter/diagnosis/causes.h"

namespace socket_exporter {

/// Who holds ports, by what that says about the application.
struct PortHolders {
  std::uint64_t ports = 0;
  std::uint64_t closing = 0;  ///< TIME_WAIT and the states before it
  std::uint64_t time_wait = 0;
  std::uint64_t close_wait = 0;
  std::uint64_t syn_sent = 0;
  std::uint64_t established = 0;
};

/// Whom the advice is about; empty strings where it is not known.
struct Subject {
  std::string peer{};     ///< "10.1.2.3:443"
  std::string process{};  ///< "python3 (pid 42)"
  std::uint32_t pid = 0;
  bool is_loopback = false;  ///< connections of the host to itself
  std::string comm{};        ///< of the process
  std::string opens{};       ///< sentences about who opens connections to the peer
};

/// Whether connect() takes over ports in TIME_WAIT: tcp_tw_reuse is 1, or 2 over loopback.
bool gives_ports_back(const SeenSockets& sockets, const Subject& subject);

/// "60 of 64 (93 %)".
std::string share(std::uint64_t part, std::uint64_t whole);

/// Why the ports are held, for the causes that are about ports.
std::string explain(Cause cause, const PortHolders& holders, const Subject& subject);

/// What to do about it, for the same causes.
std::vector<std::string> steps_for(Cause cause, const Inspection& seen, const Subject& subject);

}  // namespace socket_exporter
