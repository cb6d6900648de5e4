#include "collectors/history.h"

namespace socket_exporter {

void History::forget_gone(std::span<const NetNs> namespaces) {
  const auto gone = listed.update(namespaces);
  if (gone.empty()) return;
  const auto is_gone = [&](const auto& key) { return gone.contains(key.netns); };
  tuples.forget_if(is_gone);
  destinations.forget_if(is_gone);
  connects.openers().forget_if(is_gone);
  std::erase_if(destination_comms, [&](const auto& known) { return is_gone(known.first); });
}

}  // namespace socket_exporter
