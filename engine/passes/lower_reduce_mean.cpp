// lower_reduce_mean: ReduceMean(x; axes H and W, keepdims) → GlobalAveragePool(x), which has a kernel of its
// own and works channels-last.
#include <algorithm>
#include <fmt/format.h>

#include "engine/node_properties.h"
#include "engine/rewrite.h"
#include "ops/attribute_views.h"
#include "ops/known_ops.h"

namespace godwit::engine::passes {
namespace {

constexpr int kImageRank = 4;  // N, C, H, W

// True where the axes are known to be H and W, in whatever order and counted from either end.
bool reduces_height_and_width(const Graph& graph, const Node& node) {
  const Tensor* constant = constant_of(graph, node, 1);
  if (constant == nullptr || constant->dtype() != DType::s64) return false;
  std::vector<std::int64_t> axes;
  for (const std::int64_t axis : constant->values<std::int64_t>())
    axes.push_back(axis < 0 ? axis + kImageRank : axis);
  std::ranges::sort(axes);
  return axes == std::vector<std::int64_t>{2, 3};
}

// The reason why this mean of an image's height and width must stay what it is; "" when it need not.
std::string reject_reason(const Graph& graph, const Node& node) {
  const DType dtype = graph.value(node.inputs[0]).desc.dtype;
  if (dtype != DType::f32 && dtype != DType::f64)
    return fmt::format("GlobalAveragePool takes no {}", name_of(dtype));
  if (!ops::keeps_dims(node.attributes)) return "it drops the axes, which GlobalAveragePool keeps";
  return "";
}

}  // namespace

void lower_reduce_mean(Graph& graph, PassContext& context) {
  Rewriter rewriter(graph);
  for (NodeId id = 0; id < rewriter.size(); ++id) {
    Node& node = rewriter.node(id);
    if (node.op != &ops::op_reduce_mean() || graph.value(node.inputs[0]).desc.shape.rank() != kImageRank ||
        !reduces_height_and_width(graph, node)) {
      continue;
    }
    const std::string text = describe(node);
    if (const std::string reason = reject_reason(graph, node); !reason.empty()) {
      log_skipped(context, fmt::format("{}: {}", text, reason));
      continue;
    }
    rewriter.set_input(id, 1, kNoValue);
    node.inputs.resize(1);
    node.attributes = {};
    node.op = &ops::op_global_average_pool();
    log_rewrite(context, fmt::format("{} is a GlobalAveragePool", text));
  }
  rewriter.finish();
}

}  // namespace godwit::engine::passes
