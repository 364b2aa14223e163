// One small function for each operator; the table names what it takes.
#include "importers/onnx/fused_forms.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <string>
#include <utility>

#include "ops/arithmetic.h"
#include "runtime/counted.h"
#include "runtime/error.h"

namespace godwit::importers {
namespace {

using engine::kNoValue;
using engine::Node;
using engine::ValueId;
using ops::AttributeType;

// The nodes that stand for one.
class Lowering {
 public:
  Lowering(Node node, GraphBuilder& builder) : node_(std::move(node)), builder_(builder) {}

  ops::Attributes& given() { return node_.attributes; }
  std::int64_t opset() const { return builder_.opset(); }
  bool has(std::size_t i) const { return i < node_.inputs.size() && node_.inputs[i] != kNoValue; }
  ValueId input(std::size_t i) const { return has(i) ? node_.inputs[i] : kNoValue; }
  bool wants(std::size_t i) const { return i < node_.outputs.size() && node_.outputs[i] != kNoValue; }
  ValueId output(std::size_t i) const { return wants(i) ? node_.outputs[i] : kNoValue; }
  TensorDesc describe(ValueId value) { return builder_.describe(value); }
  int rank_of(ValueId value) {
    const Shape shape = describe(value).shape;
    if (!shape.ranked()) throw Error("needs operands of known rank");
    return shape.rank();
  }

  ValueId list(std::string_view what, std::initializer_list<std::int64_t> values) {
    return builder_.new_constant(
        fmt::format("{}_{}", node_.name, what),
        Tensor::of<std::int64_t>({static_cast<std::int64_t>(values.size())}, values));
  }
  ValueId number(std::string_view what, DType dtype, float value) {
    Tensor tensor({dtype, {}, Layout::nchw});
    ops::visit_float(dtype, [&]<class T>() { tensor.mutable_values<T>()[0] = static_cast<T>(value); });
    return builder_.new_constant(fmt::format("{}_{}", node_.name, what), std::move(tensor));
  }

  // A node that writes `outputs`.
  void append(const char* op, std::vector<ValueId> inputs, std::vector<ValueId> outputs,
              ops::Attributes attributes = {}) {
    while (!inputs.empty() && inputs.back() == kNoValue) inputs.pop_back();
    while (!outputs.empty() && outputs.back() == kNoValue) outputs.pop_back();
    Node part;
    part.op = ops::find_op(op);
    part.name = fmt::format("{}_{}", node_.name, op);
    part.inputs = std::move(inputs);
    part.outputs = std::move(outputs);
    part.attributes = std::move(attributes);
    part.origins = node_.origins;
    builder_.append(std::move(part));
  }
  // A node whose result is a new value.
  ValueId make(const char* op, std::vector<ValueId> inputs, ops::Attributes attributes = {}) {
    const ValueId value = builder_.new_value(fmt::format("{}_{}_result", node_.name, op));
    append(op, std::move(inputs), {value}, std::move(attributes));
    return value;
  }

 private:
  Node node_;
  GraphBuilder& builder_;
};

ops::Attributes attributes(std::initializer_list<std::pair<const char*, ops::AttributeValue>> values) {
  ops::Attributes all;
  for (const auto& [name, value] : values) all.set(name, value);
  return all;
}

ValueId add_optional(Lowering& lowering, ValueId value, std::size_t bias) {
  return lowering.has(bias) ? lowering.make("Add", {value, lowering.input(bias)}) : value;
}

void append_gelu(Node node, GraphBuilder& builder) {
  Lowering lowering(std::move(node), builder);
  lowering.append("Gelu", {add_optional(lowering, lowering.input(0), 1)}, {lowering.output(0)});
}

void append_fast_gelu(Node node, GraphBuilder& builder) {
  Lowering lowering(std::move(node), builder);
  lowering.append("Gelu", {add_optional(lowering, lowering.input(0), 1)}, {lowering.output(0)},
                  attributes({{"approximate", std::string("tanh")}}));
}

void append_quick_gelu(Node node, GraphBuilder& builder) {
  Lowering lowering(std::move(node), builder);
  const float alpha = lowering.given().real("alpha", 1.702F);
  lowering.append("Swish", {lowering.input(0)}, {lowering.output(0)}, attributes({{"alpha", alpha}}));
}

ValueId transposed(Lowering& lowering, ValueId value) {
  const int rank = lowering.rank_of(value);
  if (rank < 2) return value;
  std::vector<std::int64_t> order;
  for (int axis = 0; axis < rank - 2; ++axis) order.push_back(axis);
  order.push_back(rank - 1);
  order.push_back(rank - 2);
  return lowering.make("Transpose", {value}, attributes({{"perm", order}}));
}

void append_fused_mat_mul(Node node, GraphBuilder& builder) {
  Lowering lowering(std::move(node), builder);
  for (const char* name : {"transBatchA", "transBatchB"}) {
    if (lowering.given().flag(name, false))
      throw Error(fmt::format("attribute '{}' is 1, which is not supported", name));
  }
  ValueId a = lowering.input(0), b = lowering.input(1);
  const DType dtype = lowering.describe(a).dtype;
  if (lowering.given().flag("transA", false)) a = transposed(lowering, a);
  if (lowering.given().flag("transB", false)) b = transposed(lowering, b);
  const float alpha = lowering.given().real("alpha", 1);
  if (alpha == 1.0F) return lowering.append("MatMul", {a, b}, {lowering.output(0)});
  if (!is_float(dtype)) throw Error(fmt::format("operands are {}, expected a float", name_of(dtype)));
  const ValueId product = lowering.make("MatMul", {a, b});
  lowering.append("Mul", {product, lowering.number("alpha", dtype, alpha)}, {lowering.output(0)});
}

void append_layer_normalization(Node node, GraphBuilder& builder) {
  Lowering lowering(std::move(node), builder);
  lowering.append("LayerNormalization", {lowering.input(0), lowering.input(1), lowering.input(2)},
                  {lowering.output(0), lowering.output(1), lowering.output(2)}, lowering.given());
}

void append_simplified_layer_normalization(Node node, GraphBuilder& builder) {
  Lowering lowering(std::move(node), builder);
  if (lowering.wants(1)) throw Error("its second result is used, which is not supported");
  lowering.append("RMSNormalization", {lowering.input(0), lowering.input(1)}, {lowering.output(0)},
                  lowering.given());
}

// The sum of operands 0, 1 and, where it is given, `bias`; result 3 where that is wanted.
ValueId skip_sum(Lowering& lowering, std::size_t bias) {
  const bool wanted = lowering.wants(3);
  if (!lowering.has(bias)) {
    if (!wanted) return lowering.make("Add", {lowering.input(0), lowering.input(1)});
    lowering.append("Add", {lowering.input(0), lowering.input(1)}, {lowering.output(3)});
    return lowering.output(3);
  }
  const ValueId sum = lowering.make("Add", {lowering.input(0), lowering.input(1)});
  if (!wanted) return lowering.make("Add", {sum, lowering.input(bias)});
  lowering.append("Add", {sum, lowering.input(bias)}, {lowering.output(3)});
  return lowering.output(3);
}

void append_skip_layer_normalization(Node node, GraphBuilder& builder) {
  Lowering lowering(std::move(node), builder);
  const ValueId sum = skip_sum(lowering, 4);
  const float epsilon = lowering.given().real("epsilon", 1e-12F);
  lowering.append("LayerNormalization", {sum, lowering.input(2), lowering.input(3)},
                  {lowering.output(0), lowering.output(1), lowering.output(2)},
                  attributes({{"axis", std::int64_t{-1}}, {"epsilon", epsilon}}));
}

void append_skip_simplified_layer_normalization(Node node, GraphBuilder& builder) {
  Lowering lowering(std::move(node), builder);
  if (lowering.wants(1) || lowering.wants(2))
    throw Error("its second or third result is used, which is not supported");
  const ValueId sum = skip_sum(lowering, 3);
  const float epsilon = lowering.given().real("epsilon", 1e-12F);
  lowering.append("RMSNormalization", {sum, lowering.input(2)}, {lowering.output(0)},
                  attributes({{"axis", std::int64_t{-1}}, {"epsilon", epsilon}}));
}

// Elements [begin, end) of the last axis.
ValueId columns(Lowering& lowering, ValueId value, std::int64_t begin, std::int64_t end) {
  return lowering.make("Slice", {value, lowering.list("starts", {begin}), lowering.list("ends", {end}),
                                 lowering.list("axes", {-1})});
}

ops::Attributes attention_attributes(Lowering& lowering) {
  const std::int64_t heads = lowering.given().integer("num_heads", 0);
  if (heads < 1) throw Error(fmt::format("attribute 'num_heads' is {}, expected at least 1", heads));
  ops::Attributes all = attributes({{"q_num_heads", heads}, {"kv_num_heads", heads}});
  const float scale = lowering.given().real("scale", 0);
  if (scale != 0.0F) all.set("scale", scale);
  if (lowering.given().flag("unidirectional", false)) all.set("is_causal", std::int64_t{1});
  return all;
}

// The operand that Attention takes for a mask of ones and zeros or of lengths.
struct Masks {
  ValueId mask = kNoValue, lengths = kNoValue;
};
Masks masks_of(Lowering& lowering, std::size_t operand, ValueId bias) {
  Masks masks{bias, kNoValue};
  if (!lowering.has(operand)) return masks;
  const ValueId given = lowering.input(operand);
  const int rank = lowering.rank_of(given);
  if (rank == 1) {
    const Shape lengths = lowering.describe(given).shape, src = lowering.describe(lowering.input(0)).shape;
    // 2 or 3 lengths for each image tell of padding on the left or of a packed batch.
    if (is_known(lengths[0]) && src.ranked() && is_known(src[0]) && lengths[0] != src[0])
      throw Error(fmt::format("the mask has {} for {} images", counted(lengths[0], "length"), src[0]));
    masks.lengths =
        lowering.make("Cast", {given}, attributes({{"to", std::int64_t{onnx_code_of(DType::s64)}}}));
    return masks;
  }
  if (rank > 3) throw Error(fmt::format("a mask of {} dimensions is not supported", rank));
  if (bias != kNoValue) throw Error("a mask beside an additive bias is not supported");
  const ValueId truth =
      lowering.make("Cast", {given}, attributes({{"to", std::int64_t{onnx_code_of(DType::boolean)}}}));
  const ValueId axes = rank == 2 ? lowering.list("axes", {1, 2}) : lowering.list("axes", {1});
  masks.mask = lowering.make("Unsqueeze", {truth, axes});
  return masks;
}

void append_multi_head_attention(Node node, GraphBuilder& builder) {
  Lowering lowering(std::move(node), builder);
  ops::Attributes heads = attention_attributes(lowering);
  for (const std::size_t i : {std::size_t{1}, std::size_t{2}}) {
    if (!lowering.has(i)) throw Error("queries, keys and values in one operand are not supported");
  }
  for (const std::size_t i : {std::size_t{8}, std::size_t{9}}) {
    if (lowering.has(i)) throw Error(fmt::format("input {} is not supported", i));
  }
  std::array<ValueId, 3> src{lowering.input(0), lowering.input(1), lowering.input(2)};
  for (const ValueId operand : src) {
    if (lowering.rank_of(operand) != 3)
      throw Error("queries, keys and values are supported in three dimensions alone");
  }
  if (lowering.has(3)) {
    std::int64_t begin = 0;
    for (ValueId& operand : src) {
      const std::int64_t size = lowering.describe(operand).shape[2];
      if (!is_known(size)) throw Error("a bias needs operands of known size");
      operand = lowering.make("Add", {operand, columns(lowering, lowering.input(3), begin, begin + size)});
      begin += size;
    }
  }
  const Masks masks = masks_of(lowering, 4, lowering.input(5));
  lowering.append("Attention",
                  {src[0], src[1], src[2], masks.mask, lowering.input(6), lowering.input(7), masks.lengths},
                  {lowering.output(0), lowering.output(1), lowering.output(2)}, std::move(heads));
}

void append_attention(Node node, GraphBuilder& builder) {
  Lowering lowering(std::move(node), builder);
  ops::Attributes heads = attention_attributes(lowering);
  if (lowering.has(4) || lowering.has(6) || lowering.wants(1)) throw Error("a cache is not supported");
  if (lowering.given().flag("do_rotary", false))
    throw Error("attribute 'do_rotary' is 1, which is not supported");
  const ValueId product = lowering.make("MatMul", {lowering.input(0), lowering.input(1)});
  const ValueId all = add_optional(lowering, product, 2);
  const Shape weights = lowering.describe(lowering.input(1)).shape;
  if (weights.rank() != 2 || !is_known(weights[1])) throw Error("needs weights of known size");
  std::vector<std::int64_t> sizes(3, weights[1] / 3);
  if (lowering.given().has("qkv_hidden_sizes"))
    sizes = lowering.given().integers("qkv_hidden_sizes", 3, 0, 1);
  if (sizes[0] + sizes[1] + sizes[2] != weights[1])
    throw Error(fmt::format("weights have {}, expected {}", counted(weights[1], "column"),
                            sizes[0] + sizes[1] + sizes[2]));
  std::vector<ValueId> src;
  std::int64_t begin = 0;
  for (const std::int64_t size : sizes) {
    src.push_back(columns(lowering, all, begin, begin + size));
    begin += size;
  }
  const Masks masks = masks_of(lowering, 3, lowering.input(5));
  lowering.append("Attention", {src[0], src[1], src[2], masks.mask, kNoValue, kNoValue, masks.lengths},
                  {lowering.output(0)}, std::move(heads));
}

struct Row {
  std::string_view op;
  std::size_t min_inputs, max_inputs, max_outputs;
  std::vector<ops::AttributeSpec> attributes;
  Expand append;
};

const std::vector<Row>& rows() {
  static const std::vector<Row> all{
      {"Attention",
       2,
       7,
       2,
       {{"num_heads", AttributeType::integer, true},
        {"unidirectional", AttributeType::integer},
        {"qkv_hidden_sizes", AttributeType::integers},
        {"scale", AttributeType::real},
        {"do_rotary", AttributeType::integer},
        {"mask_filter_value", AttributeType::real},
        {"past_present_share_buffer", AttributeType::integer},
        {"rotary_embedding_dim", AttributeType::integer}},
       append_attention},
      {"BiasGelu", 2, 2, 1, {}, append_gelu},
      {"FastGelu", 1, 2, 1, {}, append_fast_gelu},
      {"FusedMatMul",
       2,
       2,
       1,
       {{"alpha", AttributeType::real},
        {"transA", AttributeType::integer},
        {"transB", AttributeType::integer},
        {"transBatchA", AttributeType::integer},
        {"transBatchB", AttributeType::integer}},
       append_fused_mat_mul},
      {"Gelu", 1, 1, 1, {}, append_gelu},
      {"LayerNormalization",
       2,
       3,
       3,
       {{"axis", AttributeType::integer},
        {"epsilon", AttributeType::real},
        {"stash_type", AttributeType::integer}},
       append_layer_normalization},
      {"MultiHeadAttention",
       1,
       10,
       3,
       {{"num_heads", AttributeType::integer, true},
        {"scale", AttributeType::real},
        {"mask_filter_value", AttributeType::real},
        {"unidirectional", AttributeType::integer}},
       append_multi_head_attention},
      {"QuickGelu", 1, 1, 1, {{"alpha", AttributeType::real}}, append_quick_gelu},
      {"SimplifiedLayerNormalization",
       2,
       2,
       2,
       {{"axis", AttributeType::integer},
        {"epsilon", AttributeType::real},
        {"stash_type", AttributeType::integer}},
       append_simplified_layer_normalization},
      {"SkipLayerNormalization",
       3,
       5,
       4,
       {{"epsilon", AttributeType::real}},
       append_skip_layer_normalization},
      {"SkipSimplifiedLayerNormalization",
       3,
       4,
       4,
       {{"epsilon", AttributeType::real}},
       append_skip_simplified_layer_normalization},
  };
  return all;
}

const Row* find_row(std::string_view op) {
  const auto found = std::ranges::find(rows(), op, &Row::op);
  return found == rows().end() ? nullptr : &*found;
}

// The checks that all rows share, then the row's own function.
template <std::size_t kRow>
void expand_row(Node node, GraphBuilder& builder) {
  const Row& row = rows()[kRow];
  if (node.inputs.size() < row.min_inputs || node.inputs.size() > row.max_inputs) {
    throw Error(fmt::format("has {}, expected {} to {}", counted(node.inputs.size(), "input"), row.min_inputs,
                            row.max_inputs));
  }
  if (node.outputs.empty() || node.outputs.size() > row.max_outputs)
    throw Error(
        fmt::format("has {}, expected 1 to {}", counted(node.outputs.size(), "output"), row.max_outputs));
  node.attributes.check(row.attributes);
  for (std::size_t i = 0; i < row.min_inputs; ++i) {
    if (node.inputs[i] == kNoValue) throw Error(fmt::format("input {} is required and missing", i));
  }
  row.append(std::move(node), builder);
}

constexpr std::size_t kRows = 11;

template <std::size_t... kRow>
constexpr std::array<Expand, sizeof...(kRow)> expansions(std::index_sequence<kRow...>) {
  return {expand_row<kRow>...};
}

}  // namespace

Expand fused_expansion(std::string_view op) {
  static constexpr auto kExpansions = expansions(std::make_index_sequence<kRows>());
  const Row* row = find_row(op);
  return row == nullptr ? nullptr : kExpansions[static_cast<std::size_t>(row - rows().data())];
}

}  // namespace godwit::importers
