#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "collectors/base/result.h"
#include "exporter/config/config_file.h"
#include "exporter/log.h"

namespace socket_exporter {

/// The configuration in force, and how it is replaced while the exporter runs. A file that
/// is wrong changes nothing. Any thread.
class LiveConfig {
 public:
  using Apply = std::function<void(const Config&)>;
  using Time = std::chrono::system_clock::time_point;

  struct LastReload {
    bool successful = true;
    Time success_time;  ///< when the configuration in force was read
  };

  /// `config` is what `path` said at start; `apply` is called with it and with each later one,
  /// never twice at a time.
  LiveConfig(std::string path, Config config, Apply apply, const Logger& logger);

  /// Reads the file again; the error is logged here.
  Result<> reload();

  std::shared_ptr<const Config> current() const;
  LastReload last_reload() const;

 private:
  void put_in_force(Config config);

  const std::string path_;
  const Apply apply_;
  const Logger logger_;

  std::mutex reloading_;      ///< held for a whole reload
  mutable std::mutex mutex_;  ///< guards what is below
  std::shared_ptr<const Config> config_;
  LastReload last_;
};

}  // namespace socket_exporter
