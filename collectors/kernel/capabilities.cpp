#include "collectors/kernel/capabilities.h"

#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>

namespace socket_exporter {

// What fails here shows in the features: they name the privilege that is missing.
void use_permitted_capabilities() {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> words{};
  if (::syscall(SYS_capget, &header, words.data()) != 0) return;
  for (__user_cap_data_struct& word : words) word.effective = word.permitted;
  ::syscall(SYS_capset, &header, words.data());
}

}  // namespace socket_exporter
