#include "collectors/base/result.h"

#include <fmt/format.h>

#include <cerrno>
#include <system_error>

namespace socket_exporter {
namespace {

Error::Kind kind_of(int error_number) {
  switch (error_number) {
    case EACCES:
    case EPERM:
      return Error::Kind::denied;
    case ENOENT:
    case ENOTDIR:
    case ENOSYS:
    case EOPNOTSUPP:
    case EAFNOSUPPORT:
    case EPROTONOSUPPORT:
      return Error::Kind::unavailable;
    case EAGAIN:
    case ETIMEDOUT:
      return Error::Kind::timeout;
    default:
      return Error::Kind::io;
  }
}

}  // namespace

Error errno_error(std::string_view what, int error_number) {
  return {kind_of(error_number),
          fmt::format("{}: {}", what, std::generic_category().message(error_number))};
}

}  // namespace socket_exporter
