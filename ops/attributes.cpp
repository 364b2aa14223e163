// Typed access to attributes; the only place that words their errors.
#include "ops/attributes.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>

#include "runtime/counted.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

constexpr std::array<std::string_view, 8> kTypeNames = {
    "integer", "real", "string", "list of integers", "list of reals", "list of strings", "tensor", "graph"};

// "an integer", "a list of reals".
std::string with_article(AttributeType type) {
  return fmt::format("{} {}", type == AttributeType::integer ? "an" : "a", name_of(type));
}

// Null when absent; throws when of another type.
template <class T>
const T* get(const std::map<std::string, AttributeValue, std::less<>>& values, std::string_view name,
             AttributeType expected) {
  const auto found = values.find(name);
  if (found == values.end()) return nullptr;
  const T* value = std::get_if<T>(&found->second);
  if (value == nullptr) {
    throw Error(fmt::format("attribute '{}' is {}, expected {}", name, with_article(type_of(found->second)),
                            with_article(expected)));
  }
  return value;
}

}  // namespace

std::string_view name_of(AttributeType type) { return kTypeNames[static_cast<std::size_t>(type)]; }

AttributeType type_of(const AttributeValue& value) { return static_cast<AttributeType>(value.index()); }

void Attributes::erase(std::string_view name) {
  const auto found = values_.find(name);
  if (found != values_.end()) values_.erase(found);
}

std::int64_t Attributes::integer(std::string_view name, std::int64_t fallback) const {
  const auto* value = get<std::int64_t>(values_, name, AttributeType::integer);
  return value == nullptr ? fallback : *value;
}

bool Attributes::flag(std::string_view name, bool fallback) const {
  const std::int64_t value = integer(name, fallback ? 1 : 0);
  if (value != 0 && value != 1)
    throw Error(fmt::format("attribute '{}' is {}, expected 0 or 1", name, value));
  return value == 1;
}

float Attributes::real(std::string_view name, float fallback) const {
  const auto* value = get<float>(values_, name, AttributeType::real);
  return value == nullptr ? fallback : *value;
}

std::string Attributes::string(std::string_view name, std::string_view fallback) const {
  const auto* value = get<std::string>(values_, name, AttributeType::string);
  return value == nullptr ? std::string(fallback) : *value;
}

std::span<const std::int64_t> Attributes::integers(std::string_view name) const {
  const auto* value = get<std::vector<std::int64_t>>(values_, name, AttributeType::integers);
  return value == nullptr ? std::span<const std::int64_t>{} : std::span<const std::int64_t>(*value);
}

std::vector<std::int64_t> Attributes::integers(std::string_view name, std::size_t count,
                                               std::int64_t fallback, std::int64_t minimum) const {
  std::vector<std::int64_t> values(count);
  read_integers(name, values, fallback, minimum);
  return values;
}

void Attributes::read_integers(std::string_view name, std::span<std::int64_t> values, std::int64_t fallback,
                               std::int64_t minimum) const {
  if (!has(name)) {
    std::ranges::fill(values, fallback);
    return;
  }
  // Bounds every later sum and product of such values within 63 bits.
  constexpr std::int64_t kLargest = std::int64_t{1} << 31;
  const std::span<const std::int64_t> given = integers(name);
  if (given.size() != values.size()) {
    throw Error(fmt::format("attribute '{}' has {}, expected {}", name, counted(given.size(), "value"),
                            values.size()));
  }
  for (const std::int64_t value : given) {
    if (value < minimum) {
      throw Error(fmt::format("attribute '{}' has value {}, expected at least {}", name, value, minimum));
    }
    if (value > kLargest) {
      throw Error(fmt::format("attribute '{}' has value {}, expected at most {}", name, value, kLargest));
    }
  }
  std::ranges::copy(given, values.begin());
}

std::span<const float> Attributes::reals(std::string_view name) const {
  const auto* value = get<std::vector<float>>(values_, name, AttributeType::reals);
  return value == nullptr ? std::span<const float>{} : std::span<const float>(*value);
}

const Tensor* Attributes::tensor(std::string_view name) const {
  return get<Tensor>(values_, name, AttributeType::tensor);
}

const Body* Attributes::body(std::string_view name) const {
  const auto* value = get<std::shared_ptr<const Body>>(values_, name, AttributeType::graph);
  return value == nullptr ? nullptr : value->get();
}

void Attributes::check(std::span<const AttributeSpec> specs) const {
  for (const auto& [name, value] : values_) {
    const auto spec = std::ranges::find(specs, std::string_view(name), &AttributeSpec::name);
    if (spec == specs.end()) throw Error(fmt::format("attribute '{}' is not known for this operator", name));
    if (type_of(value) != spec->type) {
      throw Error(fmt::format("attribute '{}' is {}, expected {}", name, with_article(type_of(value)),
                              with_article(spec->type)));
    }
  }
  for (const AttributeSpec& spec : specs) {
    if (spec.required && !has(spec.name))
      throw Error(fmt::format("attribute '{}' is required and missing", spec.name));
  }
}

}  // namespace godwit::ops
