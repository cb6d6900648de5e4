#include "collectors/collector.h"

namespace socket_exporter {

extern const CollectorEntry kConntrackEntry;
extern const CollectorEntry kDestinationsEntry;
extern const CollectorEntry kEphemeralPortsEntry;
extern const CollectorEntry kLimitsEntry;
extern const CollectorEntry kListenersEntry;
extern const CollectorEntry kNetnsEntry;
extern const CollectorEntry kNetstatEntry;
extern const CollectorEntry kSockstatEntry;
extern const CollectorEntry kSysctlsEntry;
extern const CollectorEntry kTcpStatesEntry;
extern const CollectorEntry kTcpstatEntry;
extern const CollectorEntry kUdpQueuesEntry;
extern const CollectorEntry kUdpSocketsEntry;

std::span<const CollectorEntry* const> all_collectors() {
  static constexpr const CollectorEntry* kAll[] = {
      &kConntrackEntry,       //
      &kNetstatEntry,         //
      &kSockstatEntry,        //
      &kTcpstatEntry,         //
      &kUdpQueuesEntry,       //
      &kNetnsEntry,           //
      &kTcpStatesEntry,       //
      &kUdpSocketsEntry,      //
      &kEphemeralPortsEntry,  //
      &kDestinationsEntry,    //
      &kListenersEntry,       //
      &kLimitsEntry,          //
      &kSysctlsEntry,
  };
  return kAll;
}

}  // namespace socket_exporter
