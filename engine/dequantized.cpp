// Taking Q → DQ pairs out of a graph: y = DQ(Q(x)), z = Op(y)  →  z = Op(x).
#include "engine/dequantized.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>

#include "engine/pass.h"
#include "engine/rewrite.h"
#include "ops/known_ops.h"
#include "runtime/error.h"

namespace godwit::engine {
namespace {

bool same_constant(const Graph& graph, ValueId a, ValueId b) {
  if (a == b) return true;
  if (a == kNoValue || b == kNoValue) return false;
  const std::optional<Tensor>&x = graph.value(a).constant, &y = graph.value(b).constant;
  return x && y && x->desc() == y->desc() && std::memcmp(x->data(), y->data(), x->bytes()) == 0;
}

ValueId operand(const Node& node, std::size_t i) {
  return i < node.inputs.size() ? node.inputs[i] : kNoValue;
}

bool is_pair(const Graph& graph, const Node& quantize, const Node& dequantize) {
  return quantize.op == &ops::op_quantize_linear() && dequantize.op == &ops::op_dequantize_linear() &&
         quantize.outputs[0] == dequantize.inputs[0] &&
         same_constant(graph, operand(quantize, 1), operand(dequantize, 1)) &&
         same_constant(graph, operand(quantize, 2), operand(dequantize, 2));
}

}  // namespace

Graph without_quantization(const Graph& graph) {
  Graph result = graph;
  Rewriter rewriter(result);
  bool any = false;
  for (NodeId id = 0; id < rewriter.size(); ++id) {
    const NodeId producer =
        rewriter.producer(rewriter.node(id).inputs.empty() ? kNoValue : rewriter.node(id).inputs[0]);
    if (producer == kNoNode || !is_pair(result, rewriter.node(producer), rewriter.node(id))) continue;
    any = true;
    const ValueId src = rewriter.node(producer).inputs[0], dst = rewriter.node(id).outputs[0];
    rewriter.replace_reads(dst, src);
    if (rewriter.is_output(dst)) {
      rewriter.set_input(id, 0, src);
      rewriter.node(id).inputs.resize(1);
      rewriter.node(id).op = &ops::op_identity();
      rewriter.node(id).attributes = {};
    } else {
      rewriter.erase(id);
    }
    if (rewriter.readers(rewriter.node(producer).outputs[0]).empty() &&
        !rewriter.is_output(rewriter.node(producer).outputs[0])) {
      rewriter.erase(producer);
    }
  }
  if (!any) {
    throw Error("the model has no QuantizeLinear and DequantizeLinear in pairs; expected a QDQ model");
  }
  rewriter.finish();
  infer_shapes(result);
  verify(result);
  return result;
}

Graph in_f32(const Graph& graph) {
  Graph result = graph;
  PipelineOptions options{.shapes_bound = false};
  for (const Pass& pass : pipeline()) {
    if (pass.name != "raise_precision") options.disabled.emplace_back(pass.name);
  }
  (void)run_pipeline(result, {}, options);
  result.storage = DType::f32;
  return result;
}

ValueId rounded_value(const Graph& graph, ValueId id) {
  for (const Node& quantize : graph.nodes) {
    if (quantize.op != &ops::op_quantize_linear() || quantize.inputs[0] != id) continue;
    for (const Node& dequantize : graph.nodes) {
      if (!dequantize.inputs.empty() && is_pair(graph, quantize, dequantize)) return dequantize.outputs[0];
    }
  }
  return id;
}

}  // namespace godwit::engine
