#include "exporter/http/landing_page.h"

#include <catch2/catch.hpp>

using namespace socket_exporter;
using Catch::Contains;

TEST_CASE("the landing page links what there is and says its version", "[landing_page]") {
  const LandingLink links[] = {{"/metrics", "Metrics"}, {"/-/healthy", "Health"}};
  const std::string page = landing_page("1.2.3", links);
  CHECK_THAT(page, Contains("<a href=\"/metrics\">Metrics</a>") &&
                       Contains("<a href=\"/-/healthy\">Health</a>") && Contains("1.2.3"));
}

TEST_CASE("a path cannot add to the landing page's HTML", "[landing_page]") {
  const LandingLink links[] = {{"/\"><script>'&", "Metrics"}};
  const std::string page = landing_page("<b>", links);
  CHECK_THAT(page, Contains("href=\"/&quot;&gt;&lt;script&gt;&#39;&amp;\"") &&
                       Contains("&lt;b&gt;") && !Contains("<script>") && !Contains("<b>"));
}
