// MaxPool: the largest element under each window, and where it was. A NaN under the window is the result.
#include <limits>
#include <vector>

#include "ops/algorithms/implementations.h"
#include "ops/arithmetic.h"
#include "ops/movement.h"
#include "ops/pooling.h"

namespace godwit::ops {
namespace {

constexpr std::array kPoolTypes{DType::f32, DType::f64, DType::f16, DType::bf16, DType::s8, DType::u8};

std::vector<TensorDesc> infer_max_pool(const NodeView& node) {
  require_one_dtype(node, kPoolTypes);
  (void)node.attributes.flag("storage_order", false);
  const Shape shape = infer_pool_shape(node);
  std::vector<TensorDesc> outputs{{node.input(0).dtype, shape, Layout::nchw}};
  if (node.output_count > 1) outputs.push_back({DType::s64, shape, Layout::nchw});
  return outputs;
}

template <class Number>
struct Largest {
  using T = Computed<Number>;
  T value = std::numeric_limits<T>::has_infinity ? -std::numeric_limits<T>::infinity()
                                                 : std::numeric_limits<T>::lowest();
  std::int64_t at = -1;  // element of the channel; -1: no tap lay inside the input
};

// The first of the largest elements of one channel (spatial…) under the window, or the first NaN.
template <class T>
Largest<T> largest(const Window& window, const T* src, const WindowPosition& at) {
  Largest<T> best;
  for_each_tap(window, at, [&](std::int64_t i, std::int64_t) {
    const auto value = static_cast<Computed<T>>(src[i]);
    if (best.value != best.value) return;
    if (best.at < 0 || value > best.value || value != value) best = {value, i};
  });
  return best;
}

// Element i of a channel (D, H, W), counted with D fastest and W slowest.
std::int64_t column_major_position(const Window& window, std::int64_t i) {
  const std::int64_t lines = i / window.w().input;
  const std::int64_t d = lines / window.h().input, h = lines % window.h().input, w = i % window.w().input;
  return (w * window.h().input + h) * window.d().input + d;
}

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const Shape& shape = src[0].desc.shape;
  const Window window = pool_window(node);
  const bool column_major = node.attributes.flag("storage_order", false);
  visit_number(dst[0].desc.dtype, [&]<class T>() {
    std::int64_t i = 0;
    for (std::int64_t channel = 0; channel < shape[0] * shape[1]; ++channel) {
      const std::int64_t first = channel * window.inputs();
      for (std::int64_t o = 0; o < window.outputs(); ++o, ++i) {
        const Largest<T> best = largest(window, src[0].as<const T>() + first, window.position_of(o));
        dst[0].as<T>()[i] = static_cast<T>(best.value);
        if (dst.size() < 2) continue;
        const std::int64_t position = column_major ? column_major_position(window, best.at) : best.at;
        dst[1].as<std::int64_t>()[i] = best.at < 0 ? -1 : first + position;
      }
    }
  });
}

bool moves(const NodeView& node, std::size_t) { return node.output_count == 1; }  // positions are no elements

}  // namespace

const OpDef& op_max_pool() {
  static const OpDef def{
      .name = "MaxPool",
      .sentence = "the largest element under each window, 1-D to 3-D",
      .since_opset = 12,
      .max_outputs = 2,
      .attributes = {{"auto_pad", AttributeType::string},
                     {"ceil_mode", AttributeType::integer},
                     {"dilations", AttributeType::integers},
                     {"kernel_shape", AttributeType::integers, true},
                     {"pads", AttributeType::integers},
                     {"storage_order", AttributeType::integer},
                     {"strides", AttributeType::integers}},
      .kind = OpKind::pooling,
      .moves = moves,
      .padding = WindowPadding::lowest,
      .infer = infer_max_pool,
      .reference = reference,
      .cost = cost_of_pool,
      .layout = channels_last,
      .takes_16_bits = true,
      .batch_separable = always,
      .implementations = {&max_pool_nhwc, &max_pool_bytes},
  };
  return def;
}

}  // namespace godwit::ops
