#include "exporter/http/check_routes.h"

#include <fmt/format.h>

#include <memory>
#include <optional>
#include <utility>

#include "exporter/diagnosis/check_output.h"
#include "exporter/diagnosis/netns_choice.h"

namespace socket_exporter {
namespace {

constexpr std::chrono::seconds kCheckTime{10};

HttpResponse json_response(int status, std::string body) {
  return {.status = status,
          .content_type = "application/json",
          .body = std::move(body),
          .headers = {{"Cache-Control", "no-store"}}};
}

Result<> take_threshold(const HttpRequest& request, std::string_view key,
                        std::optional<double>& threshold) {
  for (const std::string_view value : request.query_values(key)) {
    threshold = parse_percent(value);
    if (!threshold) {
      return Error{Error::Kind::malformed,
                   fmt::format("{} is a percentage from 0 to 100, such as 70.", key)};
    }
  }
  return {};
}

Result<Thresholds> chosen_thresholds(const HttpRequest& request, const CheckThresholds& in_force,
                                     std::string_view check) {
  Thresholds chosen = thresholds_of(check, in_force);
  auto taken = take_threshold(request, "warningThreshold", chosen.warning);
  if (taken) taken = take_threshold(request, "criticalThreshold", chosen.critical);
  if (!taken) return taken.error();
  const auto levels = valid_levels(check, chosen);
  if (!levels) return levels.error();
  return chosen;
}

HttpResponse failure(const CheckInfo& check, const Thresholds& chosen, const Error& error) {
  CheckRun failed;
  failed.check = &check;
  failed.levels = levels_of(check.defaults, chosen);
  failed.result = unknown_result(error);
  return json_response(error.kind == Error::Kind::timeout ? 504 : 503, check_json(failed));
}

// What a task found; shared with it, as it may run on after nobody waits any more.
struct Answer {
  std::optional<Error> wrong_netns;
  std::vector<CheckRun> runs;
};

HttpResponse answer(const CheckInfo& check, const Thresholds& chosen, const std::string& netns,
                    Scraper& scraper) {
  const auto found = std::make_shared<Answer>();
  const auto done = scraper.run_task(
      [found, chosen, netns, &check](Kernel& kernel, Snapshot& snapshot) {
        const auto namespaces = choose_namespaces(kernel, snapshot, netns);
        if (namespaces) {
          found->runs = perform_check(check, chosen, kernel, snapshot, *namespaces);
        } else {
          found->wrong_netns = namespaces.error();
        }
      },
      std::chrono::steady_clock::now() + kCheckTime);
  if (!done) return failure(check, chosen, done.error());
  if (found->wrong_netns) return text_response(400, found->wrong_netns->what);
  const int status = found->runs.front().result.status == Status::unknown ? 503 : 200;
  return json_response(
      status, netns == kAllNetns ? checks_json(found->runs) : check_json(found->runs.front()));
}

std::string chosen_netns(const HttpRequest& request) {
  const auto values = request.query_values("netns");
  return std::string(values.empty() ? kOwnNetns : values.back());
}

}  // namespace

void add_check_routes(Router& router, Scraper& scraper, const ThresholdSource& thresholds) {
  router.add("GET", "/api/v1/checks", [thresholds](const HttpRequest&) {
    return json_response(200, check_list_json(thresholds()));
  });
  for (const CheckInfo& check : all_checks()) {
    router.add("GET", check_path(check),
               [&check, &scraper, thresholds](const HttpRequest& request) {
                 const auto chosen = chosen_thresholds(request, thresholds(), check.name);
                 if (!chosen) return text_response(400, chosen.error().what);
                 return answer(check, *chosen, chosen_netns(request), scraper);
               });
  }
}

}  // namespace socket_exporter
