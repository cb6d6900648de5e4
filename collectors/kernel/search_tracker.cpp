#include "collectors/kernel/search_tracker.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include "collectors/kernel/bpf_program.h"
#include "searches.skel.h"

namespace socket_exporter {
namespace {

using Bpf = BpfProgram<searches_bpf>;

PortSearches to_record(const sx_connect_netns& netns, const sx_histogram& histogram) {
  PortSearches searches{.netns = {netns.cookie, netns.inode}};
  static_assert(sizeof searches.times == sizeof histogram);
  std::memcpy(searches.times.data(), &histogram, sizeof histogram);
  return searches;
}

}  // namespace

class SearchTracker::Program {
 public:
  explicit Program(Bpf program) : bpf_(std::move(program)) {}

  Result<> start() {
    // What stands for all that found no room has to be there before the table is full.
    const auto added = Bpf::add(bpf_->maps.searches, sx_connect_netns{}, sx_histogram{});
    if (!added) return added;
    // An end without a beginning is nothing, but a beginning without an end would stay.
    for (const bpf_program* program : {bpf_->progs.end, bpf_->progs.begin}) {
      const BpfLink& link = links_.emplace_back(bpf_program__attach(program));
      if (!link) return Bpf::fexit_error("attach", errno);
    }
    return {};
  }

  Result<SearchCounts> read() const {
    SearchCounts all{.missed = bpf_->bss->lost};
    auto searches = Bpf::for_each<sx_connect_netns, sx_histogram>(
        bpf_->maps.searches, [&](const sx_connect_netns& netns, const sx_histogram& histogram) {
          all.searches.push_back(to_record(netns, histogram));
        });
    if (!searches) return searches.error();
    for (const bpf_program* program : {bpf_->progs.begin, bpf_->progs.end}) {
      const auto skipped = Bpf::recursion_misses(program);
      if (!skipped) return skipped.error();
      all.missed += *skipped;
    }
    return all;
  }

 private:
  Bpf bpf_;
  std::vector<BpfLink> links_;  // go before the program
};

SearchTracker::SearchTracker(std::unique_ptr<Program> program) : program_(std::move(program)) {}
SearchTracker::SearchTracker(SearchTracker&&) noexcept = default;
SearchTracker& SearchTracker::operator=(SearchTracker&&) noexcept = default;
SearchTracker::~SearchTracker() = default;

Result<SearchTracker> SearchTracker::start() {
  auto loaded = Bpf::load_fexit();
  if (!loaded) return loaded.error();
  auto program = std::make_unique<Program>(std::move(*loaded));
  if (const auto started = program->start(); !started) return started.error();
  return SearchTracker(std::move(program));
}

Result<SearchCounts> SearchTracker::read() {
  return program_->read();
}

}  // namespace socket_exporter
