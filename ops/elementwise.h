// Unary and binary element-wise ops: what is left to say of each is its function of one or two numbers.
#pragma once

#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

#include "ops/arithmetic.h"
#include "ops/broadcast.h"
#include "ops/op.h"

namespace godwit::ops {

// One operand out of kFloatTypes; the result has its description.
std::vector<TensorDesc> infer_unary(const NodeView& node);

// dst[i] = function(src[i]), computed in double precision and rounded once.
template <class Function>
void map_unary(const TensorView& src, const TensorView& dst, const Function& function) {
  visit_float(dst.desc.dtype, [&]<class T>() {
    const std::int64_t count = dst.desc.shape.elements();
    for (std::int64_t i = 0; i < count; ++i) {
      dst.as<T>()[i] = static_cast<T>(function(static_cast<double>(src.as<const T>()[i])));
    }
  });
}

// Two operands of one type out of kNumberTypes that broadcast.
std::vector<TensorDesc> infer_binary(const NodeView& node);

// follows where an nhwc result can be computed from operands as they lie: those not constant are as the
// result has them (rank 3 or 4) or one number.
LayoutRule layout_of_binary(const NodeView& node);

// True where operands that broadcast meet image by image: those computed have the result's rank, and those
// constant are the same for every image.
bool broadcast_keeps_images_apart(const NodeView& node);

// dst = clamp(function(a, b)) with broadcasting; `function` takes and returns what elements are computed in.
template <class Function>
void map_binary(const NodeView& node, std::span<const TensorView> src, const TensorView& dst,
                const Function& function) {
  visit_number(dst.desc.dtype, [&]<class T>() {
    BroadcastIndex a(dst.desc.shape, src[0].desc.shape);
    BroadcastIndex b(dst.desc.shape, src[1].desc.shape);
    const std::int64_t count = dst.desc.shape.elements();
    for (std::int64_t i = 0; i < count; ++i, a.next(), b.next()) {
      const auto value = function(static_cast<Computed<T>>(src[0].as<const T>()[a.offset()]),
                                  static_cast<Computed<T>>(src[1].as<const T>()[b.offset()]));
      dst.as<T>()[i] = static_cast<T>(node.epilogue.clamps() ? clamp_number(node.epilogue, value) : value);
    }
  });
}

// Integers wrap around: computed in 64 unsigned bits, whose low bits are right for every narrower type.
template <class T, class Function>
T wrap_around(T a, T b, const Function& function) {
  if constexpr (std::is_floating_point_v<T>) {
    return function(a, b);
  } else {
    return static_cast<T>(function(static_cast<std::uint64_t>(a), static_cast<std::uint64_t>(b)));
  }
}

}  // namespace godwit::ops
