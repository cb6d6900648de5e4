#include "collectors/field_filter.h"

#include <fmt/format.h>
#include <re2/re2.h>

namespace socket_exporter {

Result<FieldFilter> FieldFilter::compile(const std::string& expression) {
  auto compiled = std::make_shared<const re2::RE2>(expression, re2::RE2::Quiet);
  if (!compiled->ok()) {
    return Error{Error::Kind::malformed,
                 fmt::format("bad regular expression \"{}\": {}", expression, compiled->error())};
  }
  return FieldFilter(std::move(compiled));
}

FieldFilter::FieldFilter(std::shared_ptr<const re2::RE2> expression)
    : expression_(std::move(expression)) {}

bool FieldFilter::matches(std::string_view field) const {
  return re2::RE2::PartialMatch(re2::StringPiece(field.data(), field.size()), *expression_);
}

}  // namespace socket_exporter
