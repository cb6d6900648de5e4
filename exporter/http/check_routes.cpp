#include "exporter/http/check_routes.h"

#include <fmt/format.h>

#include <memory>
#include <utility>

#include "exporter/diagnosis/check_output.h"

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

HttpResponse answer(const CheckInfo& check, const Thresholds& chosen, Scraper& scraper) {
  // Shared with the task, which may run on after this function gave up.
  const auto run = std::make_shared<CheckRun>();
  const auto done = scraper.run_task(
      [run, chosen, &check](Kernel& kernel, Snapshot& snapshot) {
        *run = perform_check(check, chosen, kernel, snapshot);
      },
      std::chrono::steady_clock::now() + kCheckTime);
  if (done)
    return json_response(run->result.status == Status::unknown ? 503 : 200, check_json(*run));

  CheckRun failed;
  failed.check = &check;
  failed.levels = levels_of(check.defaults, chosen);
  failed.result = unknown_result(done.error());
  return json_response(done.error().kind == Error::Kind::timeout ? 504 : 503, check_json(failed));
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
                 return answer(check, *chosen, scraper);
               });
  }
}

}  // namespace socket_exporter
