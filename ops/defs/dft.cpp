// DFT: the discrete Fourier transform along one axis, of real or complex elements, which are pairs along the
// last axis. One-sided transforms leave out what symmetry repeats; the inverse of such a one is real.
#include <algorithm>
#include <fmt/format.h>

#include "ops/arithmetic.h"
#include "ops/axes.h"
#include "ops/fourier.h"
#include "ops/movement.h"
#include "ops/numbers.h"
#include "ops/operands.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

struct Sides {
  bool inverse = false, onesided = false;
};
Sides sides_of(const NodeView& node) {
  return {node.attributes.flag("inverse", false), node.attributes.flag("onesided", false)};
}

int checked_axis(std::int64_t axis, int rank) {
  const int normal = normalize_axis(axis, rank);
  if (normal == rank - 1) throw Error(fmt::format("axis {} holds real and imaginary parts", axis));
  return normal;
}

// Elements that are transformed: those asked for, or all that there are (of a one-sided spectrum, the whole).
std::int64_t default_length(std::int64_t dim, const Sides& sides) {
  if (!is_known(dim)) return kAnyDim;
  return sides.inverse && sides.onesided ? 2 * (std::min<std::int64_t>(dim, std::int64_t{1} << 61) - 1) : dim;
}

std::vector<TensorDesc> infer_dft(const NodeView& node) {
  require_dtype(node, 0, "input", kFloatTypes);
  require_rank(node, 0, 2);
  const Sides sides = sides_of(node);
  if (node.has_input(1)) require_indices(node, 1, "dft_length");
  if (node.has_input(2)) require_indices(node, 2, "axis");
  const std::optional<std::int64_t> axis = known_integer(node, 2, "axis", -2);
  std::optional<std::int64_t> length;
  if (node.has_input(1)) {
    length = known_integer(node, 1, "dft_length", 0);
    if (length && *length < 1)
      throw Error(fmt::format("input 1 (dft_length) is {}, expected at least 1", *length));
  }
  const Shape& src = node.shape(0);
  TensorDesc dst{node.input(0).dtype, src, Layout::nchw};
  if (!src.ranked()) return {dst};
  const std::int64_t parts = src[src.rank() - 1];
  if (is_known(parts) && parts != 1 && parts != 2)
    throw Error(fmt::format("the last dimension of input 0 is {}, expected 1 (real) or 2 (complex)", parts));
  if (sides.onesided && !sides.inverse && parts == 2)
    throw Error("a one-sided transform needs a real operand");
  dst.shape[src.rank() - 1] = sides.inverse && sides.onesided ? 1 : 2;
  if (!axis) {
    for (int i = 0; i < src.rank() - 1; ++i) dst.shape[i] = kAnyDim;
    return {dst};
  }
  std::int64_t& dim = dst.shape[checked_axis(*axis, src.rank())];
  if (!node.has_input(1)) length = default_length(dim, sides);
  dim = length ? *length : kAnyDim;
  if (is_known(dim) && dim < 1) throw Error(fmt::format("{} elements are no signal", dim));
  if (sides.onesided && !sides.inverse && is_known(dim)) dim = dim / 2 + 1;
  return {dst};
}

// The operand's element n along the axis, which begins at `first`; 0 behind its end. Of one side only, the
// other one is the conjugate.
template <class T>
std::complex<double> element(const T* first, std::int64_t n, std::int64_t stride, std::int64_t dim,
                             std::int64_t parts, std::int64_t length, bool half) {
  const bool mirrored = half && n > length / 2;
  if (mirrored) n = length - n;
  if (n >= dim) return 0;
  const T* at = first + n * stride;
  const double imaginary = parts == 2 ? static_cast<double>(at[1]) : 0;
  return {static_cast<double>(at[0]), mirrored ? -imaginary : imaginary};
}

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const Shape &shape = src[0].desc.shape, &to = dst[0].desc.shape;
  const Sides sides = sides_of(node);
  const auto axis = static_cast<std::size_t>(checked_axis(whole_number_or(src, 2, -2), shape.rank()));
  const std::int64_t dim = shape[static_cast<int>(axis)], parts = shape[shape.rank() - 1];
  const std::int64_t length = whole_number_or(src, 1, default_length(dim, sides));
  const Index strides = strides_of(src[0].desc);
  const bool real = to[to.rank() - 1] == 1;
  visit_float(dst[0].desc.dtype, [&]<class T>() {
    Shape places = to;
    places[to.rank() - 1] = 1;
    for_each_index(places, [&](const Index& index, std::int64_t place) {
      Index begin = index;
      begin[axis] = 0;
      const T* first = src[0].as<const T>() + offset_of(begin, strides, shape.rank());
      std::complex<double> value = fourier_element(index[axis], length, sides.inverse, [&](std::int64_t n) {
        return element(first, n, strides[axis], dim, parts, length, sides.inverse && sides.onesided);
      });
      if (sides.inverse) value /= static_cast<double>(length);
      dst[0].as<T>()[real ? place : 2 * place] = static_cast<T>(value.real());
      if (!real) dst[0].as<T>()[2 * place + 1] = static_cast<T>(value.imag());
    });
  });
}

// By definition each element of the result takes a complex product for each of the operand.
Cost cost_dft(const NodeView& node) {
  const Shape& src = node.shape(0);
  if (!src.known()) return {};
  return {.macs = 0, .flops = work_product({4, output_elements(node), src[src.rank() - 2]})};
}

}  // namespace

const OpDef& op_dft() {
  static const OpDef def{
      .name = "DFT",
      .sentence = "the discrete Fourier transform along one axis",
      .since_opset = 20,
      .max_inputs = 3,
      .attributes = {{"inverse", AttributeType::integer}, {"onesided", AttributeType::integer}},
      .infer = infer_dft,
      .reference = reference,
      .cost = cost_dft,
  };
  return def;
}

}  // namespace godwit::ops
