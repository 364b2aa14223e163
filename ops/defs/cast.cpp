// Cast: the same numbers as another element type.
#include <cmath>
#include <fmt/format.h>
#include <limits>
#include <type_traits>

#include "ops/algorithms/implementations.h"
#include "ops/attribute_views.h"
#include "ops/movement.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

template <class T>
constexpr bool is_half = std::is_same_v<T, Float16> || std::is_same_v<T, BFloat16>;

// An integer that a double holds: of those beyond 2^53, one whose 12th lowest bit is set if any bit below
// was.
template <class T>
double sticky_double(T value) {
  if constexpr (sizeof(T) < 8) {
    return static_cast<double>(value);
  } else {
    constexpr T kExact = T{1} << 53;
    constexpr T kLow = 0x7ff;
    if (value <= kExact && (std::is_unsigned_v<T> || value >= T{} - kExact))
      return static_cast<double>(value);
    return static_cast<double>(static_cast<T>((value & ~kLow) | ((value & kLow) != 0 ? kLow + 1 : 0)));
  }
}

// Towards zero; beyond the type's range its nearest end, and 0 for NaN.
template <class To>
To to_integer(double value) {
  if (std::isnan(value)) return 0;
  if (value <= static_cast<double>(std::numeric_limits<To>::min())) return std::numeric_limits<To>::min();
  if (value >= static_cast<double>(std::numeric_limits<To>::max())) return std::numeric_limits<To>::max();
  return static_cast<To>(value);
}

template <class To, class From>
To convert(From value) {
  if constexpr (std::is_same_v<To, From>) {
    return value;
  } else if constexpr (is_half<From>) {
    return convert<To>(static_cast<float>(value));
  } else if constexpr (std::is_same_v<To, bool>) {
    return value != From{};
  } else if constexpr (is_half<To>) {
    if constexpr (std::is_floating_point_v<From>) return To(static_cast<double>(value));
    if constexpr (!std::is_floating_point_v<From>) return To(sticky_double(value));
  } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    return to_integer<To>(static_cast<double>(value));
  } else {
    return static_cast<To>(value);  // integers wrap around
  }
}

// Rules for numbers that a narrow type does not hold.
struct Rules {
  bool saturate = true;
  Float8E8M0::Rounding rounding = Float8E8M0::Rounding::up;
};

// Elements [begin, end).
using ConvertRange = void (*)(const void* src, void* dst, std::int64_t begin, std::int64_t end, Rules rules);

// A number on its way from or to a narrow type: whole, or real and rounded so that rounding it again does no
// harm.
struct Number {
  std::int64_t whole = 0;
  double real = 0;
  bool is_whole = false;
};

template <class From>
Number read_number(From value) {
  if constexpr (std::is_integral_v<From>)
    return {static_cast<std::int64_t>(value), sticky_double(value), true};
  else if constexpr (requires { From::kMin; })
    return {static_cast<std::int64_t>(value), static_cast<double>(value), true};
  else
    return {0, static_cast<double>(value), false};
}

template <class To>
To write_number(const Number& number, Rules rules) {
  if constexpr (std::is_same_v<To, Float8E8M0>) {
    return To::rounded(round_to_odd(number.real), rules.saturate, rules.rounding);
  } else if constexpr (requires { To::rounded(0.0F, true); }) {
    return To::rounded(round_to_odd(number.real), rules.saturate);
  } else if constexpr (requires { To::kMin; }) {
    return number.is_whole ? To(number.whole) : To(number.real);
  } else {
    return number.is_whole ? convert<To>(number.whole) : convert<To>(number.real);
  }
}

using ReadNumber = Number (*)(const void* src, std::int64_t i);
using WriteNumber = void (*)(void* dst, std::int64_t i, const Number& number, Rules rules);

ReadNumber number_reader(DType from) {
  return visit_dtype(from, []<class From>() -> ReadNumber {
    return [](const void* src, std::int64_t i) { return read_number(static_cast<const From*>(src)[i]); };
  });
}
WriteNumber number_writer(DType to) {
  return visit_dtype(to, []<class To>() -> WriteNumber {
    return [](void* dst, std::int64_t i, const Number& number, Rules rules) {
      static_cast<To*>(dst)[i] = write_number<To>(number, rules);
    };
  });
}

template <class T>
constexpr bool is_narrow_type = is_narrow(dtype_of<T>);

// Between types that arithmetic knows.
ConvertRange direct_converter(DType from, DType to) {
  return visit_dtype(from, [&]<class From>() {
    return visit_dtype(to, [&]<class To>() -> ConvertRange {
      if constexpr (is_narrow_type<From> || is_narrow_type<To>) {
        return nullptr;
      } else {
        return [](const void* src, void* dst, std::int64_t begin, std::int64_t end, Rules) {
          for (std::int64_t i = begin; i < end; ++i) {
            static_cast<To*>(dst)[i] = convert<To>(static_cast<const From*>(src)[i]);
          }
        };
      }
    });
  });
}

class Converter {
 public:
  Converter(DType from, DType to, Rules rules)
      : direct_(direct_converter(from, to)),
        read_(number_reader(from)),
        write_(number_writer(to)),
        rules_(rules) {}

  void operator()(const void* src, void* dst, std::int64_t begin, std::int64_t end) const {
    if (direct_ != nullptr) {
      direct_(src, dst, begin, end, rules_);
      return;
    }
    for (std::int64_t i = begin; i < end; ++i) write_(dst, i, read_(src, i), rules_);
  }

 private:
  ConvertRange direct_;
  ReadNumber read_;
  WriteNumber write_;
  Rules rules_;
};

Rules rules_of(const NodeView& node) {
  Rules rules;
  rules.saturate = node.attributes.flag("saturate", true);
  const std::string mode = node.attributes.string("round_mode", "up");
  if (mode == "down")
    rules.rounding = Float8E8M0::Rounding::down;
  else if (mode == "nearest")
    rules.rounding = Float8E8M0::Rounding::nearest;
  else if (mode != "up")
    throw Error(fmt::format("attribute 'round_mode' is '{}', expected 'up', 'down' or 'nearest'", mode));
  return rules;
}

DType target_of(const NodeView& node) { return cast_dtype(node.attributes); }

std::vector<TensorDesc> infer_cast(const NodeView& node) {
  (void)rules_of(node);
  return {{target_of(node), node.shape(0), Layout::nchw}};
}

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const Converter convert_all(src[0].desc.dtype, dst[0].desc.dtype, rules_of(node));
  convert_all(src[0].data, dst[0].data, 0, dst[0].desc.shape.elements());
}

bool keeps_type(const NodeView& node) { return target_of(node) == node.input(0).dtype; }

class FlatCast final : public Executable {
 public:
  explicit FlatCast(const NodeView& node)
      : convert_(node.input(0).dtype, target_of(node), rules_of(node)), count_(node.shape(0).elements()) {}

  void run(const RunArgs& args, const Worker& worker) const override {
    const Worker::Range range = worker.share(count_, 64);  // whole cache lines of any type
    convert_(args.src[0], args.dst[0], range.begin, range.end);
  }

 private:
  Converter convert_;
  std::int64_t count_;
};

std::string accept(const NodeView&, const Target&) { return {}; }

std::unique_ptr<Executable> prepare_flat(const NodeView& node, const PrepareContext&) {
  return std::make_unique<FlatCast>(node);
}

const Implementation flat{"cast_flat", "the reference's loop in any layout, shared by the team", accept,
                          prepare_flat};

}  // namespace

const OpDef& op_cast() {
  static const OpDef def{
      .name = "Cast",
      .sentence = "the same numbers as another element type",
      .since_opset = 6,
      .attributes = {{"to", AttributeType::integer, true},
                     {"saturate", AttributeType::integer},
                     {"round_mode", AttributeType::string}},
      .kind = OpKind::cast,
      .infer = infer_cast,
      .reference = reference,
      .layout = any_layout,
      .is_view = keeps_type,
      .is_identity = keeps_type,
      .batch_separable = always,
      .implementations = {&cast_spans, &flat},
  };
  return def;
}

}  // namespace godwit::ops
