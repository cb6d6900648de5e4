#include "exporter/config/live_config.h"

#include <fmt/format.h>

namespace socket_exporter {

LiveConfig::LiveConfig(std::string path, Config config, Apply apply, const Logger& logger)
    : path_(std::move(path)), apply_(std::move(apply)), logger_(logger) {
  put_in_force(std::move(config));
}

Result<> LiveConfig::reload() {
  const std::lock_guard one_at_a_time(reloading_);
  auto config = load_config(path_);
  if (!config) {
    logger_.error("cannot reload the configuration; the old one stays in force",
                  {{"err", config.error().what}});
    const std::lock_guard lock(mutex_);
    last_.successful = false;
    return config.error();
  }
  const std::size_t services = config->services.size();
  put_in_force(std::move(*config));
  if (path_.empty()) {
    logger_.info("nothing to reload: there is no --config.file");
  } else {
    logger_.info("reloaded the configuration",
                 {{"file", path_}, {"services", fmt::format("{}", services)}});
  }
  return {};
}

void LiveConfig::put_in_force(Config config) {
  auto next = std::make_shared<const Config>(std::move(config));
  apply_(*next);
  const std::lock_guard lock(mutex_);
  config_ = std::move(next);
  last_ = {true, std::chrono::system_clock::now()};
}

std::shared_ptr<const Config> LiveConfig::current() const {
  const std::lock_guard lock(mutex_);
  return config_;
}

LiveConfig::LastReload LiveConfig::last_reload() const {
  const std::lock_guard lock(mutex_);
  return last_;
}

}  // namespace socket_exporter
