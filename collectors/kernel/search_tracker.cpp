#include "collectors/kernel/search_tracker.h"

#include <cerrno>
#include <utility>

#include "collectors/kernel/bpf_program.h"
#include "collectors/kernel/search_table.h"
#include "searches.skel.h"

namespace socket_exporter {
namespace {

using Bpf = BpfProgram<searches_bpf>;
using Searches = SearchTable<Bpf>;

}  // namespace

class SearchTracker::Program {
 public:
  explicit Program(Bpf program) : bpf_(std::move(program)) {}

  Result<> start() {
    if (auto added = Searches(bpf_->maps.searches).add_rest(); !added) return added;
    // An end without a beginning is nothing, but a beginning without an end would stay.
    for (const bpf_program* program : {bpf_->progs.end, bpf_->progs.begin}) {
      const BpfLink& link = links_.emplace_back(bpf_program__attach(program));
      if (!link) return Bpf::fexit_error("attach", errno);
    }
    return {};
  }

  Result<SearchCounts> read() const {
    auto searches = Searches(bpf_->maps.searches).read();
    if (!searches) return searches.error();
    SearchCounts all{std::move(*searches), bpf_->bss->lost};
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
