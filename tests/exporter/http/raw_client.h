#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "collectors/base/fd.h"

namespace socket_exporter {

/// A TCP connection to the loopback that sends and reads bytes as they are. Throws
/// std::runtime_error when the other side takes longer than the limit.
class RawClient {
 public:
  static constexpr std::chrono::seconds kLimit{20};

  /// `url` is "http://127.0.0.1:port".
  explicit RawClient(std::string_view url, int receive_buffer = 0);

  /// False when the other side has closed.
  bool send(std::string_view bytes);
  /// Nothing more will be sent.
  void end();
  /// Everything until the other side closes; what a reset left is lost.
  std::string read_all();
  /// Up to `most` bytes; empty when closed.
  std::string read_some(std::size_t most);

 private:
  Fd socket_;
};

/// Sends the bytes on a connection of their own and reads the whole answer.
std::string talk(std::string_view url, std::string_view request);

/// The answer to a plain "GET path".
std::string http_get(std::string_view url, std::string_view path);

/// What follows the header.
std::string body_of(const std::string& answer);

}  // namespace socket_exporter
