#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "collectors/base/address.h"
#include "collectors/base/result.h"
#include "collectors/services.h"
#include "exporter/config/config_file.h"
#include "exporter/log.h"

namespace socket_exporter {

/// Addresses of a host name, from the system's resolver. May take as long as DNS does.
Result<std::vector<IpAddress>> resolve_host(const std::string& host);

/// Turns the configured services into a ServiceMap, on a thread of its own: host names are
/// resolved there again and again, so neither start nor scrapes wait for DNS. A name that
/// fails keeps the addresses it had.
class ServiceResolver {
 public:
  using Resolve = std::function<Result<std::vector<IpAddress>>(const std::string& host)>;
  /// Called from any thread, one call at a time, with a lock held: must not call back.
  using Deliver = std::function<void(std::shared_ptr<const ServiceMap>)>;

  ServiceResolver(Resolve resolve, Deliver deliver, std::chrono::milliseconds refresh,
                  const Logger& logger);
  /// Returns at once even when a look-up hangs; nothing is delivered afterwards.
  ~ServiceResolver();
  ServiceResolver(const ServiceResolver&) = delete;
  ServiceResolver& operator=(const ServiceResolver&) = delete;

  /// Thread-safe. Delivers what is known now; names that are new follow once resolved.
  void set_services(std::vector<Service> services);

  /// Thread-safe. Look-ups that failed since start.
  std::uint64_t failures() const;

 private:
  struct State;

  std::shared_ptr<State> state_;  ///< the thread's too: a hanging look-up may outlive us
  std::thread worker_;
};

}  // namespace socket_exporter
