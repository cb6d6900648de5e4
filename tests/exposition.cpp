#include "tests/exposition.h"

#include <prometheus/text_serializer.h>

#include <algorithm>
#include <chrono>

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
  const CollectorEntry& entry = entry_of(collector);
  const auto namespaces = kernel.namespaces();
  if (!namespaces) return namespaces.error();
  history.forget_gone(*namespaces);
  const Deadline deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  Snapshot snapshot(kernel, *namespaces, deadline, options, services, history);

  const auto running = entry.make();
  if (const auto prepared = running->prepare(snapshot); !prepared) return prepared.error();
  if (entry.needs_sockets) {
    const auto scanned =
        kernel.scan_sockets(snapshot.scanned_namespaces(), Detail::counts, deadline,
                            [&](std::span<const Socket> sockets) { running->see(sockets); });
    if (!scanned) return scanned.error();
  }
  running->choose(snapshot);
  Families families;
  if (const auto emitted = running->emit(snapshot, families); !emitted) return emitted.error();
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
