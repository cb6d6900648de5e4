#pragma once

#include <vector>

#include "exporter/diagnosis/advice.h"

namespace socket_exporter {

/// What the advice on a tuple is about.
Subject subject_of(const SeenTuple& tuple);

/// Pure. Adds what holds the ports of the range, of TCP and of UDP, from these levels on.
void add_port_causes(const Inspection& seen, const Levels& levels, std::vector<Finding>& findings);

}  // namespace socket_exporter
