#include "collectors/collector.h"

namespace socket_exporter {

extern const CollectorEntry kBindsEntry;
extern const CollectorEntry kConnectsEntry;
extern const CollectorEntry kConntrackEntry;
extern const CollectorEntry kDestinationsEntry;
extern const CollectorEntry kEphemeralPortsEntry;
extern const CollectorEntry kLimitsEntry;
extern const CollectorEntry kListenersEntry;
extern const CollectorEntry kNetnsEntry;
extern const CollectorEntry kNetnsStatisticsEntry;
extern const CollectorEntry kNetstatEntry;
extern const CollectorEntry kProcessesEntry;
extern const CollectorEntry kSockstatEntry;
extern const CollectorEntry kSysctlsEntry;
extern const CollectorEntry kTcpStatesEntry;
extern const CollectorEntry kTcpstatEntry;
extern const CollectorEntry kUdpQueuesEntry;
extern const CollectorEntry kUdpSocketsEntry;
extern const CollectorEntry kWebsocketServersEntry;
extern const CollectorEntry kWebsocketsEntry;

std::span<const CollectorEntry* const> all_collectors() {
  static constexpr const CollectorEntry* kAll[] = {
      &kConntrackEntry,         //
      &kNetstatEntry,           //
      &kSockstatEntry,          //
      &kTcpstatEntry,           //
      &kUdpQueuesEntry,         //
      &kNetnsEntry,             //
      &kNetnsStatisticsEntry,   //
      &kTcpStatesEntry,         //
      &kUdpSocketsEntry,        //
      &kEphemeralPortsEntry,    //
      &kDestinationsEntry,      //
      &kConnectsEntry,          //
      &kBindsEntry,             //
      &kWebsocketsEntry,        //
      &kWebsocketServersEntry,  //
      &kListenersEntry,         //
      &kProcessesEntry,         //
      &kLimitsEntry,            //
      &kSysctlsEntry,
  };
  return kAll;
}

}  // namespace socket_exporter
