#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace socket_exporter {

/// A file of tests/fixtures, such as "proc/net/snmp". The test fails when there is none.
std::string fixture(std::string_view path);

/// All files of tests/fixtures/proc by their path below it: what FakeKernel serves as /proc.
std::map<std::string, std::string, std::less<>> proc_fixtures();

}  // namespace socket_exporter
