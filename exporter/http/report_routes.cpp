#include "exporter/http/report_routes.h"

#include <algorithm>
#include <atomic>
#include <memory>

#include "exporter/diagnosis/netns_choice.h"
#include "exporter/http/gzip.h"
#include "exporter/http/turn.h"

namespace socket_exporter {
namespace {

/// Requests at the same time: they must never take the threads that scrapes and checks need.
constexpr unsigned kMostRequests = 8;
constexpr ReportLimits kLimits{.reports = 100, .rows = 1};

HttpResponse failure(const Error& error) {
  return text_response(error.kind == Error::Kind::timeout ? 504 : 503,
                       "Could not be read: " + error.what + ".");
}

HttpResponse json_response(const HttpRequest& request, std::string body) {
  HttpResponse response{.status = 200,
                        .content_type = "application/json",
                        .body = std::move(body),
                        .headers = {{"Cache-Control", "no-store"}}};
  compress(request, response);
  return response;
}

template <typename Matches>
const Report* find_report(const Reports& live, const Matches& matches) {
  const auto found = std::find_if(live.reports.begin(), live.reports.end(), matches);
  return found != live.reports.end() ? &*found : nullptr;
}

HttpResponse answer_for(const HttpRequest& request, const std::string& netns, const Reports& live,
                        ReportSource& source) {
  const Report* report =
      find_report(live, [&](const Report& one) { return one.seen.ns.name == netns; });
  if (report == nullptr) {
    const auto inode = source.find_namespace(netns);
    if (!inode && inode.error().kind == Error::Kind::timeout) return failure(inode.error());
    if (!inode) return text_response(400, inode.error().what);
    report = find_report(live, [&](const Report& one) { return one.seen.ns.inode == *inode; });
  }
  if (report == nullptr) return text_response(503, "The namespace is new; try again in a second.");
  return json_response(request, report_json(*report, live.context));
}

HttpResponse answer(const HttpRequest& request, ReportSource& source) {
  const auto live = source.latest();
  if (!live) return failure(live.error());
  if ((*live)->reports.empty()) return text_response(503, "No network namespace could be read.");
  const auto values = request.query_values("netns");
  const std::string netns(values.empty() ? kOwnNetns : values.back());
  if (netns != kAllNetns) return answer_for(request, netns, **live, source);
  return json_response(request, reports_json((*live)->reports, (*live)->context, kLimits));
}

}  // namespace

void add_report_routes(Router& router, ReportSource& source) {
  const auto running = std::make_shared<std::atomic<unsigned>>(0);
  router.add("GET", "/api/v1/report", [running, &source](const HttpRequest& request) {
    const Turn turn(*running);
    if (turn.number() > kMostRequests) {
      return text_response(503, "Too many requests for the report at once; try again.");
    }
    return answer(request, source);
  });
}

}  // namespace socket_exporter
