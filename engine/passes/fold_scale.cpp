// fold_scale: Mul(Add(Conv(x, w, b), c), s)  becomes  Add(Conv(x, w·s, b·s), c·s), and the same behind Gemm,
// MatMul and Linear. The constant s has one element for each result channel or one for all of them; between
// the product and the Mul may stand sums with constants of that sort, and transpositions. Products of
// constants are made in double and rounded once, so that results differ from the model's in last bits.
#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <numeric>
#include <optional>
#include <vector>

#include "engine/node_properties.h"
#include "engine/passes/scaled_weights.h"
#include "engine/rewrite.h"
#include "ops/known_ops.h"

namespace godwit::engine::passes {
namespace {

constexpr int kAnyAxis = -1;  // of a constant that is the same for all channels

// A constant along one axis of a result.
struct Channels {
  int axis = kAnyAxis;
  std::vector<double> factors;  // one for each channel, or one
};

// True where a tensor of this shape is repeated along some axes of `dst` and makes none larger.
bool fits(const Shape& shape, const Shape& dst) {
  if (!dst.ranked() || shape.rank() > dst.rank()) return false;
  for (int i = 0; i < shape.rank(); ++i) {
    if (shape[i] != 1 && shape[i] != dst[dst.rank() - shape.rank() + i]) return false;
  }
  return true;
}

// Nullopt where a tensor of shape `dst` that it is multiplied with or added to varies otherwise, or is not
// larger.
std::optional<Channels> channels_of(const Tensor& constant, const Shape& dst) {
  const Shape& shape = constant.shape();
  if (!dst.ranked() || shape.rank() > dst.rank() || shape.elements() == 0) return std::nullopt;
  Channels channels;
  for (int i = 0; i < shape.rank(); ++i) {
    const int axis = dst.rank() - shape.rank() + i;
    if (shape[i] == 1) continue;
    if (channels.axis != kAnyAxis || shape[i] != dst[axis]) return std::nullopt;
    channels.axis = axis;
  }
  for (const float value : constant.values<float>()) channels.factors.push_back(static_cast<double>(value));
  return channels;
}

class Folder {
 public:
  Folder(Rewriter& rewriter, NodeId mul) : rewriter_(rewriter), mul_(mul) {}

  // "" where the factors reach a product: fold() may be called then.
  std::string find(ValueId value, Channels scale) {
    scale_ = std::move(scale);
    if (!std::ranges::all_of(scale_.factors, [](double factor) { return std::isfinite(factor); }))
      return "a factor is not finite";
    NodeId reader = mul_;
    for (axis_ = scale_.axis;; reader = rewriter_.producer(value), value = next_) {
      const NodeId id = rewriter_.producer(value);
      if (id == kNoNode) return "nothing computes it";
      const Node& node = rewriter_.node(id);
      if (rewriter_.only_reader(value) != reader) return "others read the result before it";
      if (!node.epilogue.empty()) return fmt::format("{} clamps or adds", describe(node));
      if (node.op == &ops::op_transpose()) {
        pass_transpose(node, rewriter_.value(value).desc.shape.rank());
      } else if (node.op == &ops::op_add()) {
        if (!pass_sum(id)) return fmt::format("{} adds something else than a constant", describe(node));
      } else {
        product_ = id;
        return reject_product(node, rewriter_.value(value).desc.shape);
      }
    }
  }

  NodeId product() const { return product_; }

  void fold() {
    const Graph& graph = rewriter_.graph();
    const Node product = rewriter_.node(product_);
    const Tensor& weights = *f32_constant_of(graph, product, weights_operand(product));
    const int axis = product_of(graph, product)->channel_axis;
    const std::size_t channels = static_cast<std::size_t>(weights.shape()[axis]);
    if (scale_.factors.size() == 1) scale_.factors.assign(channels, scale_.factors[0]);
    const auto inner = static_cast<std::size_t>(weights.shape().product(axis + 1, weights.shape().rank()));
    replace(product_, weights_operand(product), scaled_weights(weights, scale_.factors, inner));
    if (product.op->bias != ops::kNoOperand && has_operand(product, product.op->bias))
      scale_added(product_, product.op->bias);
    for (const auto& [node, operand] : sums_) scale_added(node, operand);
    rewriter_.absorb(rewriter_.producer(moved_), mul_);
  }

  // The operand of the Mul that is computed.
  void set_moved(ValueId value) { moved_ = value; }

 private:
  static std::size_t weights_operand(const Node& node) { return node.op->weights; }

  void pass_transpose(const Node& node, int rank) {
    next_ = node.inputs[0];
    if (axis_ == kAnyAxis) return;
    const auto perm = node.attributes.integers("perm");
    axis_ = node.attributes.has("perm") ? static_cast<int>(perm[static_cast<std::size_t>(axis_)])
                                        : rank - 1 - axis_;
  }

  bool pass_sum(NodeId id) {
    const Node& add = rewriter_.node(id);
    const std::size_t added = f32_constant_of(rewriter_.graph(), add, 0) != nullptr ? 0 : 1;
    const Tensor* constant = f32_constant_of(rewriter_.graph(), add, added);
    next_ = add.inputs[1 - added];
    if (constant == nullptr) return false;
    const Shape& dst = rewriter_.value(next_).desc.shape;
    // Adds what is the same for all channels in any shape; one number for all of them would have to
    // become one for each.
    if (axis_ == kAnyAxis) {
      if (!fits(constant->shape(), dst)) return false;
    } else {
      const std::optional<Channels> channels = channels_of(*constant, dst);
      if (!channels || channels->axis != axis_) return false;
    }
    sums_.emplace_back(id, added);
    return true;
  }

  std::string reject_product(const Node& node, const Shape& dst) const {
    const Graph& graph = rewriter_.graph();
    const bool is_matrix = node.op == &ops::op_mat_mul() || node.op == &ops::op_linear();
    if (node.op->kind != ops::OpKind::product || (node.op->bias == ops::kNoOperand && !is_matrix))
      return fmt::format("{} is no product", describe(node));
    const Tensor* weights = f32_constant_of(graph, node, weights_operand(node));
    if (weights == nullptr) return "its weights are not a constant f32 tensor";
    const std::optional<ops::Product> product = product_of(graph, node);
    if (!product) return "its weights have no channels";
    if (!dst.ranked()) return "its result has no known rank";
    if (axis_ != kAnyAxis && axis_ != (is_matrix ? dst.rank() - 1 : 1)) return "it varies along another axis";
    const std::int64_t channels = weights->shape()[product->channel_axis];
    if (axis_ != kAnyAxis && channels != static_cast<std::int64_t>(scale_.factors.size()))
      return "it has another number of channels";
    if (node.op->bias == ops::kNoOperand || !has_operand(node, node.op->bias)) return "";
    const Tensor* bias = f32_constant_of(graph, node, node.op->bias);
    if (bias == nullptr) return "its bias is not a constant f32 tensor";
    const Shape& shape = bias->shape();
    const bool is_row =
        shape.rank() >= 1 && shape.elements() == channels && shape[shape.rank() - 1] == channels;
    return is_row ? "" : "its bias is not one row";
  }

  // A constant operand whose elements lie channel by channel.
  void scale_added(NodeId id, std::size_t operand) {
    const Tensor& constant = *f32_constant_of(rewriter_.graph(), rewriter_.node(id), operand);
    std::vector<double> factors = scale_.factors;
    if (scale_.axis == kAnyAxis) factors.resize(1);
    replace(id, operand, scaled_weights(constant, std::move(factors), 1));
  }

  void replace(NodeId id, std::size_t operand, Tensor tensor) {
    const std::string name = fmt::format("{}*{}", rewriter_.value(rewriter_.node(id).inputs[operand]).name,
                                         rewriter_.node(mul_).name);
    rewriter_.set_input(id, operand, rewriter_.add_constant(name, std::move(tensor)));
  }

  Rewriter& rewriter_;
  NodeId mul_;
  Channels scale_;
  int axis_ = kAnyAxis;  // of the value that is looked at
  ValueId next_ = kNoValue, moved_ = kNoValue;
  NodeId product_ = kNoNode;
  std::vector<std::pair<NodeId, std::size_t>> sums_;  // and their constant operands
};

}  // namespace

void fold_scale(Graph& graph, PassContext& context) {
  Rewriter rewriter(graph);
  for (NodeId id = 0; id < rewriter.size(); ++id) {
    const Node& mul = rewriter.node(id);
    if (!rewriter.alive(id) || mul.op != &ops::op_mul() || !mul.epilogue.empty()) continue;
    const std::size_t made = f32_constant_of(graph, mul, 0) != nullptr ? 1 : 0;
    const Tensor* constant = f32_constant_of(graph, mul, 1 - made);
    const ValueId value = mul.inputs[made];
    if (constant == nullptr || rewriter.producer(value) == kNoNode) continue;
    std::optional<Channels> scale = channels_of(*constant, rewriter.value(value).desc.shape);
    if (!scale) continue;
    Folder folder(rewriter, id);
    folder.set_moved(value);
    if (const std::string reason = folder.find(value, std::move(*scale)); !reason.empty()) {
      log_skipped(context, fmt::format("{}: {}", describe(mul), reason));
      continue;
    }
    log_rewrite(context, fmt::format("{} into {}", describe(mul), describe(rewriter.node(folder.product()))));
    folder.fold();
  }
  rewriter.finish();
}

}  // namespace godwit::engine::passes
