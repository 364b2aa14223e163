// A node's attributes: typed values by name, with getters that name the attribute when it is wrong.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "runtime/tensor.h"

namespace godwit::ops {

class Body;  // ops/op.h

using AttributeValue =
    std::variant<std::int64_t, float, std::string, std::vector<std::int64_t>, std::vector<float>,
                 std::vector<std::string>, Tensor, std::shared_ptr<const Body>>;

enum class AttributeType { integer, real, string, integers, reals, strings, tensor, graph };
std::string_view name_of(AttributeType type);
AttributeType type_of(const AttributeValue& value);

// One attribute that an op understands; one that is not in its list is an error at import.
struct AttributeSpec {
  std::string_view name;
  AttributeType type;
  bool required = false;
};

// Getters throw Error ("attribute 'pads' has 3 values, expected 4"); the caller adds the node's name as
// context.
class Attributes {
 public:
  bool has(std::string_view name) const { return values_.find(name) != values_.end(); }
  void set(std::string name, AttributeValue value) {
    values_.insert_or_assign(std::move(name), std::move(value));
  }
  void erase(std::string_view name);
  const std::map<std::string, AttributeValue, std::less<>>& all() const { return values_; }

  std::int64_t integer(std::string_view name, std::int64_t fallback) const;
  // An integer() that is 0 or 1.
  bool flag(std::string_view name, bool fallback) const;
  float real(std::string_view name, float fallback) const;
  std::string string(std::string_view name, std::string_view fallback) const;
  // Empty when absent.
  std::span<const std::int64_t> integers(std::string_view name) const;
  // `count` values, each at least `minimum`; `fallback` repeated when absent.
  std::vector<std::int64_t> integers(std::string_view name, std::size_t count, std::int64_t fallback,
                                     std::int64_t minimum) const;
  // The same into `values`, of as many as it has; allocates nothing.
  void read_integers(std::string_view name, std::span<std::int64_t> values, std::int64_t fallback,
                     std::int64_t minimum) const;
  std::span<const float> reals(std::string_view name) const;
  // Null when absent.
  const Tensor* tensor(std::string_view name) const;
  const Body* body(std::string_view name) const;

  // Throws Error for an attribute not in `specs`, of another type than there, or required and absent.
  void check(std::span<const AttributeSpec> specs) const;

 private:
  std::map<std::string, AttributeValue, std::less<>> values_;
};

}  // namespace godwit::ops
