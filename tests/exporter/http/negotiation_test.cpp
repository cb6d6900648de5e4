#include "exporter/http/negotiation.h"

#include <catch2/catch.hpp>

namespace socket_exporter {

TEST_CASE("OpenMetrics is for those who ask for it by name", "[http]") {
  const std::string accept = GENERATE(
      // Prometheus 2.42, 2.5, 3.0
      "application/openmetrics-text;version=1.0.0,application/"
      "openmetrics-text;version=0.0.1;q=0.75,"
      "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
      "application/openmetrics-text; version=0.0.1,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
      "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
      "application/openmetrics-text;version=0.0.1;q=0.5,"
      "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/"
      "*;q=0.2",
      // with protobuf preferred, which we do not speak
      "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited,"
      "application/openmetrics-text;version=1.0.0;q=0.8,text/plain;version=0.0.4;q=0.7,*/*;q=0.1",
      "application/openmetrics-text",
      "APPLICATION/OpenMetrics-Text ; Version=\"1.0.0\"; charset=utf-8",
      "application/openmetrics-text, text/plain", "application/openmetrics-text, */*",
      "text/plain;q=0.4, application/openmetrics-text;q=0.5",
      "application/openmetrics-text;q=0.1, text/plain;q=0, */*",
      "text/plain;q=abc, application/openmetrics-text;q=0.001");
  INFO(accept);
  CHECK(choose_format(accept) == ExpositionFormat::openmetrics);
}

TEST_CASE("text is for all others", "[http]") {
  const std::string accept = GENERATE(
      "", "*/*", "text/plain", "text/*", "application/*",
      "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
      "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "application/json",
      "application/openmetrics-text;q=0", "application/openmetrics-text;version=2.0.0",
      "application/openmetrics-text;q=0.3, text/plain;q=0.5",
      "text/plain, application/openmetrics-text", "application/openmetrics-text;q=0.5, */*",
      "application/openmetrics-text;q=2",
      "application/openmetrics-text;q=", "application/openmetrics-text;q=-1",
      "application/openmetrics-text;q=0.1234", "application/openmetrics-text;q=1.001",
      "application/openmetrics-textual", ",;,;=", ";q=1", "\"", "text/plain;version=\"0.0.4,");
  INFO(accept);
  CHECK(choose_format(accept) == ExpositionFormat::text);
}

TEST_CASE("gzip is chosen by its q", "[http]") {
  const auto [accept, gzip_wanted] = GENERATE(table<std::string, bool>({
      {"", false},
      {"gzip", true},
      {"GZIP;q=0.5", true},
      {"x-gzip", true},
      {"deflate, gzip;q=1.0, *;q=0.5", true},
      {"gzip;q=0", false},
      {"gzip;q=0.0, *", false},
      {"*", true},
      {"*;q=0", false},
      {"identity", false},
      {"gzip, identity", true},
      {"gzip;q=0.5, identity", false},
      {"identity;q=0, *;q=0.1", true},
      {"deflate, br", false},
      {"gzip;q=nonsense", false},
      {"gzipped", false},
  }));
  INFO(accept);
  CHECK(accepts_gzip(accept) == gzip_wanted);
}

}  // namespace socket_exporter
