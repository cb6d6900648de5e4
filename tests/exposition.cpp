#include "tests/exposition.h"

#include <prometheus/text_serializer.h>

#include <algorithm>
#include <chrono>
#include <memory>

namespace socket_exporter {
namespace {

const CollectorEntry& entry_of(std::string_view name) {
  const auto all = all_collectors();
  const auto it =
      std::find_if(all.begin(), all.end(), [&](const auto* entry) { return entry->name == name; });
  INFO("collector " << name);
  REQUIRE(it != all.end());
  return **it;
}

}  // namespace

Result<std::string> CollectorRunner::run(Kernel& kernel, std::string_view collector) {
  return run_all(kernel, {collector});
}

Result<std::string> CollectorRunner::run_all(Kernel& kernel,
                                             const std::vector<std::string_view>& collectors) {
  const auto namespaces = kernel.namespaces();
  if (!namespaces) return namespaces.error();
  history.forget_gone(*namespaces);
  const Deadline deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  Snapshot snapshot(kernel, *namespaces, deadline, options, services, history);

  std::vector<std::unique_ptr<Collector>> running;
  std::vector<Collector*> watchers;
  for (const std::string_view name : collectors) {
    const CollectorEntry& entry = entry_of(name);
    running.push_back(entry.make());
    if (entry.needs_sockets) watchers.push_back(running.back().get());
    if (const auto prepared = running.back()->prepare(snapshot); !prepared) return prepared.error();
  }
  if (!watchers.empty()) {
    const auto see = [&](std::span<const Socket> sockets) {
      for (Collector* const watcher : watchers) watcher->see(sockets);
    };
    const auto scanned =
        kernel.scan_sockets(snapshot.scanned_namespaces(), Detail::counts, deadline, see);
    if (!scanned) return scanned.error();
  }
  for (const auto& one : running) one->choose(snapshot);
  Families families;
  for (const auto& one : running) {
    if (const auto emitted = one->emit(snapshot, families); !emitted) return emitted.error();
  }
  return to_text(std::move(families));
}

std::string expose(Kernel& kernel, std::string_view collector) {
  const auto text = CollectorRunner{}.run(kernel, collector);
  if (!text) FAIL(collector << ": " << text.error().what);
  return *text;
}

Error expose_error(Kernel& kernel, std::string_view collector) {
  const auto text = CollectorRunner{}.run(kernel, collector);
  if (text) FAIL(collector << " did not fail: " << *text);
  return text.error();
}

std::string to_text(Families families) {
  return prometheus::TextSerializer().Serialize(std::move(families).take());
}

bool HasLine::match(const std::string& text) const {
  return ("\n" + text).find("\n" + line_ + "\n") != std::string::npos;
}

}  // namespace socket_exporter
