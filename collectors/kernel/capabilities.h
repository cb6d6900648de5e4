#pragma once

namespace socket_exporter {

/// Makes all capabilities effective that this process is permitted, as those of a file with "+p"
/// are not of themselves (capabilities(7)). Before any other thread starts.
void use_permitted_capabilities();

}  // namespace socket_exporter
