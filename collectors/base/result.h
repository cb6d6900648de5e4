#pragma once

#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

namespace socket_exporter {

/// Why an operation gave no value. The kind is for code and metric labels, the
/// text is for people and names the file, syscall or field.
struct Error {
  enum class Kind { unavailable, denied, malformed, timeout, io };
  Kind kind;
  std::string what;
};

constexpr std::string_view to_string(Error::Kind kind) {
  constexpr std::string_view kNames[] = {"unavailable", "denied", "malformed", "timeout", "io"};
  return kNames[static_cast<std::size_t>(kind)];
}

/// The error for a failed system call; `what` names the call and its subject.
Error errno_error(std::string_view what, int error_number);

/// A value or the reason there is none. Propagate with
/// `if (!x) return x.error();` - no macros, no exceptions on the scrape path.
template <typename T = std::monostate>
class [[nodiscard]] Result {
 public:
  Result() requires std::is_same_v<T, std::monostate>
  = default;
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  explicit operator bool() const { return state_.index() == 0; }
  T& operator*() { return std::get<0>(state_); }
  const T& operator*() const { return std::get<0>(state_); }
  T* operator->() { return &**this; }
  const T* operator->() const { return &**this; }
  const Error& error() const { return std::get<1>(state_); }

 private:
  std::variant<T, Error> state_;
};

}  // namespace socket_exporter
