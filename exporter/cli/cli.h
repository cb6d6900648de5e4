#pragma once

#include <string>

#include "collectors/kernel/linux_kernel.h"
#include "exporter/config/config_file.h"
#include "exporter/config/flags.h"

namespace socket_exporter {

/// One function a command; the result is the exit code. They throw what ends the program.
int run_serve(const Options& options);
int run_check(const Options& options);
int run_report(const Options& options);
int run_metrics(const Options& options);

/// The configuration that the options name. Throws std::runtime_error, saying what to do, when
/// it is wrong or --path.procfs is no procfs.
Config load_start_config(const Options& options);

/// What of WebSockets the kernel is to follow.
WebsocketPorts ports_of(const WebsocketConfig& config);

/// Where the options say that the kernel shows itself.
KernelPaths kernel_paths(const Options& options);

/// The reference of all metrics, as `socket_exporter metrics` prints it.
std::string metrics_reference(OutputFormat format);

/// Writes all of it to standard output, or throws std::system_error.
void print(const std::string& text);

}  // namespace socket_exporter
