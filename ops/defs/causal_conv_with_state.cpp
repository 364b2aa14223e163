// CausalConvWithState: each channel convolved with its own kernel over what came before, handing the last
// elements on to the next call.
#include <array>
#include <cmath>
#include <fmt/format.h>

#include "ops/arithmetic.h"
#include "ops/axes.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

constexpr std::array kTypes{DType::f32, DType::f64, DType::f16, DType::bf16};

// Elements of a line in front of its first: past_state (N, C, K - 1), or zeros.
struct Line {
  const TensorView& src;
  const TensorView* past;
  std::int64_t row = 0, before = 0;  // row: n · C + c

  double operator[](std::int64_t i) const {
    if (i >= 0) return real_at(src, row * src.desc.shape[2] + i);
    return past == nullptr ? 0.0 : real_at(*past, row * before + before + i);
  }
};

bool has_silu(const NodeView& node) {
  const std::string name = node.attributes.string("activation", "none");
  if (name == "silu" || name == "swish") return true;
  if (name == "none" || name.empty()) return false;
  throw Error(fmt::format("attribute 'activation' is '{}', expected 'none', 'silu' or 'swish'", name));
}

// src (N, C, L), weights (C, 1, K), bias (C), past (N, C, K - 1) → (N, C, L), (N, C, K - 1)
std::vector<TensorDesc> infer_conv(const NodeView& node) {
  require_one_dtype(node, kTypes);
  (void)has_silu(node);
  require_rank(node, 0, 3, 3);
  require_rank(node, 1, 3, 3);
  const Shape &src = node.shape(0), &weights = node.shape(1);
  Shape state = shape_of_rank(3);
  std::int64_t channels = src.ranked() ? src[1] : kAnyDim;
  if (src.ranked()) state[0] = src[0];
  if (weights.ranked()) {
    require_dim("the weights' channels", weights[0], channels);
    require_dim("the weights' dimension 1", weights[1], 1);
    channels = more_specific_dim(channels, weights[0]);
    if (is_known(weights[2]) && weights[2] < 1) throw Error("the weights have no elements");
    state[2] = is_known(weights[2]) ? weights[2] - 1 : kAnyDim;
  }
  state[1] = channels;
  if (node.has_input(2)) {
    require_rank(node, 2, 1, 1);
    if (node.shape(2).ranked()) require_dim("the bias", node.shape(2)[0], channels);
  }
  if (node.has_input(3)) {
    require_rank(node, 3, 3, 3);
    const Shape& past = node.shape(3);
    for (int axis = 0; past.ranked() && axis < 3; ++axis)
      require_dim("a dimension of the state", past[axis], state[axis]);
  }
  const DType dtype = node.input(0).dtype;
  std::vector<TensorDesc> results = {{dtype, src, Layout::nchw}, {dtype, state, Layout::nchw}};
  results.resize(node.output_count);
  return results;
}

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const Shape& shape = src[0].desc.shape;
  const std::int64_t length = shape[2], taps = src[1].desc.shape[2], rows = shape[0] * shape[1];
  const bool silu = has_silu(node);
  const bool has_past = src.size() > 3 && src[3].present();
  for (std::int64_t row = 0; row < rows; ++row) {
    const std::int64_t channel = row % shape[1];
    const Line line{src[0], has_past ? &src[3] : nullptr, row, taps - 1};
    const double bias = src.size() > 2 && src[2].present() ? real_at(src[2], channel) : 0.0;
    for (std::int64_t i = 0; i < length; ++i) {
      double sum = bias;
      for (std::int64_t k = 0; k < taps; ++k)
        sum += line[i + k - (taps - 1)] * real_at(src[1], channel * taps + k);
      set_real(dst[0], row * length + i, silu ? sum / (1 + std::exp(-sum)) : sum);
    }
    for (std::int64_t i = 0; i < taps - 1 && dst.size() > 1; ++i)
      set_real(dst[1], row * (taps - 1) + i, line[length - (taps - 1) + i]);
  }
}

Cost cost_conv(const NodeView& node) {
  const std::int64_t outputs = output_elements(node);
  const Shape& weights = node.shape(1);
  const std::int64_t macs = weights.known() ? work_product({outputs, weights[2]}) : 0;
  return {.macs = macs, .flops = work_product({2, macs})};
}

}  // namespace

const OpDef& op_causal_conv_with_state() {
  static const OpDef def{
      .name = "CausalConvWithState",
      .sentence = "each channel convolved over what came before, with a state for the next call",
      .since_opset = 27,
      .min_inputs = 2,
      .max_inputs = 4,
      .max_outputs = 2,
      .attributes = {{"activation", AttributeType::string}},
      .infer = infer_conv,
      .reference = reference,
      .cost = cost_conv,
  };
  return def;
}

}  // namespace godwit::ops
