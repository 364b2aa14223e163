// fold_batch_norm: BatchNormalization(Conv(x, w, b)) → Conv(x, w', b'), and the same behind Gemm.
// Per output channel, in double: f = scale / sqrt(variance + epsilon), w' = w·f, b' = (b − mean)·f + shift.
#include <cmath>
#include <fmt/format.h>

#include "engine/node_properties.h"
#include "engine/passes/scaled_weights.h"
#include "engine/rewrite.h"
#include "ops/attribute_views.h"
#include "ops/known_ops.h"

namespace godwit::engine::passes {
namespace {

// result·factor + shift for each output channel.
struct Affine {
  std::vector<double> factor, shift;
};

// Empty when a parameter is not a constant for each channel.
Affine affine_of(const Graph& graph, const Node& norm) {
  std::span<const float> parameters[4];
  for (std::size_t i = 0; i < 4; ++i) {
    const Tensor* constant = f32_constant_of(graph, norm, i + 1);
    if (constant == nullptr) return {};
    parameters[i] = constant->values<float>();
  }
  const auto [scale, bias, mean, variance] = parameters;
  if (bias.size() != scale.size() || mean.size() != scale.size() || variance.size() != scale.size())
    return {};
  const auto epsilon = static_cast<double>(ops::batch_norm_epsilon(norm.attributes));
  Affine affine;
  for (std::size_t c = 0; c < scale.size(); ++c) {
    const double factor =
        static_cast<double>(scale[c]) / std::sqrt(static_cast<double>(variance[c]) + epsilon);
    affine.factor.push_back(factor);
    affine.shift.push_back(static_cast<double>(bias[c]) - static_cast<double>(mean[c]) * factor);
  }
  return affine;
}

// `bias` (times beta) may be null, one number, or one per channel.
Tensor shifted(const Tensor* bias, double beta, const Affine& affine) {
  Tensor result(TensorDesc{DType::f32, {static_cast<std::int64_t>(affine.shift.size())}, Layout::nchw});
  const auto dst = result.mutable_values<float>();
  for (std::size_t c = 0; c < dst.size(); ++c) {
    double old = 0;
    if (bias != nullptr)
      old = beta * static_cast<double>(bias->values<float>()[bias->shape().elements() == 1 ? 0 : c]);
    dst[c] = static_cast<float>(old * affine.factor[c] + affine.shift[c]);
  }
  return result;
}

// The reason why the node in front cannot take the normalisation; "" when it can.
std::string reject_reason(const Graph& graph, const Node& producer, const Affine& affine) {
  if (!producer.epilogue.empty()) return "it already clamps or adds";
  const Tensor* weights = f32_constant_of(graph, producer, producer.op->weights);
  if (weights == nullptr) return "its weights are not a constant f32 tensor";
  const auto channels = static_cast<std::int64_t>(affine.factor.size());
  const std::optional<ops::Product> product = product_of(graph, producer);
  if (!product || weights->shape()[product->channel_axis] != channels)
    return "it has another number of channels";
  if (!has_operand(producer, producer.op->bias)) return "";
  const Tensor* bias = f32_constant_of(graph, producer, producer.op->bias);
  if (bias == nullptr) return "its bias is not a constant f32 tensor";
  const Shape& shape = bias->shape();
  const bool is_row =
      shape.rank() >= 1 && shape[shape.rank() - 1] == channels && shape.elements() == channels;
  return shape.elements() == 1 || is_row ? "" : "its bias differs from row to row";
}

void fold(Rewriter& rewriter, NodeId maker_id, const Node& norm, const Affine& affine) {
  const Graph& graph = rewriter.graph();
  Node& producer = rewriter.node(maker_id);
  const std::size_t weights_operand = producer.op->weights, bias_operand = producer.op->bias;
  const Tensor& weights = *f32_constant_of(graph, producer, weights_operand);
  const Tensor* bias = f32_constant_of(graph, producer, bias_operand);
  const ops::Product product = *product_of(graph, producer);
  const auto inner =
      static_cast<std::size_t>(weights.shape().product(product.channel_axis + 1, weights.shape().rank()));

  Tensor new_weights = scaled_weights(weights, affine.factor, inner);
  Tensor new_bias = shifted(bias, static_cast<double>(product.beta), affine);
  const ValueId old_bias = bias != nullptr ? producer.inputs[bias_operand] : norm.inputs[2];
  const std::string weights_name =
      fmt::format("{}*{}", graph.value(producer.inputs[weights_operand]).name, norm.name);
  const std::string bias_name = fmt::format("{}*{}", graph.value(old_bias).name, norm.name);
  ops::erase_beta(producer.attributes);
  rewriter.set_input(maker_id, weights_operand, rewriter.add_constant(weights_name, std::move(new_weights)));
  rewriter.set_input(maker_id, bias_operand, rewriter.add_constant(bias_name, std::move(new_bias)));
}

}  // namespace

void fold_batch_norm(Graph& graph, PassContext& context) {
  Rewriter rewriter(graph);
  for (NodeId id = 0; id < rewriter.size(); ++id) {
    const Node& norm = rewriter.node(id);
    if (norm.op != &ops::op_batch_normalization()) continue;
    const NodeId maker_id = rewriter.producer(norm.inputs[0]);
    if (maker_id == kNoNode) continue;
    const Node& producer = rewriter.node(maker_id);
    if (producer.op->kind != ops::OpKind::product || producer.op->bias == ops::kNoOperand) continue;
    const auto left = [&](std::string_view reason) {
      log_skipped(context, fmt::format("{} behind {}: {}", describe(norm), describe(producer), reason));
    };
    if (!norm.epilogue.empty() || norm.outputs.size() != 1) {
      left("it does more than normalise");
      continue;
    }
    if (rewriter.only_reader(norm.inputs[0]) != id) {
      left("others read the result before it is normalised");
      continue;
    }
    const Affine affine = affine_of(graph, norm);
    if (affine.factor.empty()) {
      left("a parameter is not a constant f32 tensor");
      continue;
    }
    if (const std::string reason = reject_reason(graph, producer, affine); !reason.empty()) {
      left(reason);
      continue;
    }
    const std::string line = fmt::format("{} into {}", describe(norm), describe(producer));
    fold(rewriter, maker_id, norm, affine);
    rewriter.absorb(maker_id, id);
    log_rewrite(context, line);
  }
  rewriter.finish();
}

}  // namespace godwit::engine::passes
