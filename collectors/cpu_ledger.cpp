#include "collectors/cpu_ledger.h"

namespace socket_exporter {

void CpuLedger::add(const WebsocketServer& server, std::uint32_t pid, const ProcessStat& stat,
                    Time now) {
  Counted& counted = processes_[{server, pid}];
  if (counted.start_time != stat.start_time) counted = {stat.start_time};
  const std::uint64_t ticks = stat.user_time + stat.system_time;
  Sum& sum = sums_[server];
  if (ticks > counted.ticks) {
    sum.ticks += ticks - counted.ticks;
    counted.ticks = ticks;
  }
  counted.seen = sum.seen = now;
}

void CpuLedger::forget_old(Time now) {
  const auto is_old = [&](const auto& entry) { return now - entry.second.seen > kKept; };
  std::erase_if(processes_, is_old);
  std::erase_if(sums_, is_old);
}

std::uint64_t CpuLedger::ticks(const WebsocketServer& server) const {
  const auto found = sums_.find(server);
  return found != sums_.end() ? found->second.ticks : 0;
}

}  // namespace socket_exporter
