// Strides through movements, one node at a time.
#include "engine/passes/strided_view.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "engine/node_properties.h"
#include "ops/axes.h"
#include "ops/known_ops.h"

namespace godwit::engine::passes {
namespace {

using Dims = std::vector<StridedView::Dim>;

// Constant integers of operand i; nullopt where it is computed.
std::optional<std::vector<std::int64_t>> integers_of(const Graph& graph, const Node& node, std::size_t i) {
  const Tensor* constant = constant_of(graph, node, i);
  if (constant == nullptr || (constant->dtype() != DType::s64 && constant->dtype() != DType::s32))
    return std::nullopt;
  std::vector<std::int64_t> values;
  for (std::int64_t e = 0; e < constant->shape().elements(); ++e)
    values.push_back(ops::integer_at(constant->view(), e));
  return values;
}

std::int64_t axis_of(std::int64_t axis, std::size_t rank) {
  return axis < 0 ? axis + static_cast<std::int64_t>(rank) : axis;
}

bool take_transpose(const Node& node, StridedView& view) {
  const auto perm = node.attributes.integers("perm");
  Dims dims = view.dims;
  for (std::size_t i = 0; i < dims.size(); ++i) {
    const std::size_t from =
        node.attributes.has("perm") ? static_cast<std::size_t>(perm[i]) : dims.size() - 1 - i;
    dims[i] = view.dims[from];
  }
  view.dims = std::move(dims);
  return true;
}

// Steps of 1, starts inside; the result's shape says the ends.
bool take_slice(const Graph& graph, const Node& node, const Shape& dst, StridedView& view) {
  const auto starts = integers_of(graph, node, 1);
  if (!starts) return false;
  std::vector<std::int64_t> axes, steps;
  for (std::size_t i = 0; i < starts->size(); ++i) axes.push_back(static_cast<std::int64_t>(i));
  if (has_operand(node, 3)) {
    const auto given = integers_of(graph, node, 3);
    if (!given || given->size() != axes.size()) return false;
    axes = *given;
  }
  if (has_operand(node, 4)) {
    const auto given = integers_of(graph, node, 4);
    if (!given || std::ranges::any_of(*given, [](std::int64_t step) { return step != 1; })) return false;
  }
  for (std::size_t i = 0; i < axes.size(); ++i) {
    StridedView::Dim& dim = view.dims[static_cast<std::size_t>(axis_of(axes[i], view.dims.size()))];
    std::int64_t start = (*starts)[i];
    if (start < 0) start += dim.size;
    view.offset += std::clamp<std::int64_t>(start, 0, dim.size) * dim.stride;
  }
  for (std::size_t i = 0; i < view.dims.size(); ++i) view.dims[i].size = dst[static_cast<int>(i)];
  return true;
}

// The part of Split that result `id` is.
bool take_split(const Graph& graph, const Node& node, ValueId id, StridedView& view) {
  const auto axis = static_cast<std::size_t>(axis_of(node.attributes.integer("axis", 0), view.dims.size()));
  std::int64_t before = 0;
  for (const ValueId output : node.outputs) {
    if (output == kNoValue) return false;
    const std::int64_t size = graph.value(output).desc.shape[static_cast<int>(axis)];
    if (output == id) {
      view.offset += before * view.dims[axis].stride;
      view.dims[axis].size = size;
      return true;
    }
    before += size;
  }
  return false;
}

// One constant index.
bool take_gather(const Graph& graph, const Node& node, StridedView& view) {
  const auto indices = integers_of(graph, node, 1);
  const auto axis = static_cast<std::size_t>(axis_of(node.attributes.integer("axis", 0), view.dims.size()));
  if (!indices || indices->size() != 1) return false;
  StridedView::Dim& dim = view.dims[axis];
  const std::int64_t index = (*indices)[0] < 0 ? (*indices)[0] + dim.size : (*indices)[0];
  if (index < 0 || index >= dim.size) return false;
  view.offset += index * dim.stride;
  const int rank = graph.value(node.inputs[1]).desc.shape.rank();
  view.dims.erase(view.dims.begin() + static_cast<std::ptrdiff_t>(axis));
  view.dims.insert(view.dims.begin() + static_cast<std::ptrdiff_t>(axis), static_cast<std::size_t>(rank),
                   StridedView::Dim{1, 0});
  return true;
}

// `view`, that of the node's operand, becomes that of its result `id`. False where strides cannot say it.
bool take(const Graph& graph, const Node& node, ValueId id, StridedView& view) {
  const Shape& dst = graph.value(id).desc.shape;
  if (node.op == &ops::op_transpose()) return take_transpose(node, view);
  if (node.op == &ops::op_slice()) return take_slice(graph, node, dst, view);
  if (node.op == &ops::op_split()) return take_split(graph, node, id, view);
  if (node.op == &ops::op_gather()) return take_gather(graph, node, view);
  auto dims = view.reshaped(dst);
  if (!dims) return false;
  view.dims = std::move(*dims);
  return true;
}

bool is_followed(const ops::OpDef& op) {
  return &op == &ops::op_transpose() || &op == &ops::op_slice() || &op == &ops::op_split() ||
         &op == &ops::op_gather() || &op == &ops::op_reshape() || &op == &ops::op_squeeze() ||
         &op == &ops::op_unsqueeze();
}

}  // namespace

std::optional<Dims> StridedView::reshaped(const Shape& shape) const {
  Dims old;
  for (const Dim& dim : dims) {
    if (dim.size != 1) old.push_back(dim);
  }
  Dims result(static_cast<std::size_t>(shape.rank()), Dim{1, 0});
  std::size_t o = 0;
  for (int n = 0; n < shape.rank();) {
    if (shape[n] == 1) {
      ++n;
      continue;
    }
    if (o == old.size()) return std::nullopt;
    // The fewest dimensions on either side that hold the same elements.
    const int first = n;
    const std::size_t first_old = o;
    std::int64_t size = shape[n++], old_size = old[o++].size;
    while (size != old_size) {
      if (size < old_size) {
        if (n == shape.rank()) return std::nullopt;
        size *= shape[n++];
      } else {
        if (o == old.size()) return std::nullopt;
        old_size *= old[o++].size;
      }
    }
    for (std::size_t i = first_old; i + 1 < o; ++i) {
      if (old[i].stride != old[i + 1].size * old[i + 1].stride) return std::nullopt;
    }
    std::int64_t stride = old[o - 1].stride;
    for (int i = n - 1; i >= first; --i) {
      result[static_cast<std::size_t>(i)] = {shape[i], stride};
      stride *= shape[i];
    }
  }
  if (o != old.size()) return std::nullopt;
  return result;
}

StridedView whole_view(ValueId id, const Shape& shape) {
  StridedView view;
  view.base = id;
  for (int i = 0; i < shape.rank(); ++i) view.dims.push_back({shape[i], shape.product(i + 1, shape.rank())});
  return view;
}

std::optional<Scaling> scaling_of(const Graph& graph, const Node& node) {
  const bool divides = node.op == &ops::op_div();
  if ((node.op != &ops::op_mul() && !divides) || !node.epilogue.empty()) return std::nullopt;
  for (const std::size_t fixed : {std::size_t{1}, std::size_t{0}}) {
    const Tensor* constant = f32_constant_of(graph, node, fixed);
    if (constant == nullptr || constant->shape().elements() != 1 || (divides && fixed == 0)) continue;
    const double value = static_cast<double>(constant->values<float>()[0]);
    const double factor = divides ? 1 / value : value;
    const bool same =
        graph.value(node.inputs[1 - fixed]).desc.shape == graph.value(node.outputs[0]).desc.shape;
    if (std::isfinite(factor) && same) return Scaling{1 - fixed, factor};
  }
  return std::nullopt;
}

StridedView view_of(const Rewriter& rewriter, ValueId id, std::vector<NodeId>& nodes, ValueId stop) {
  const Graph& graph = rewriter.graph();
  const Shape& shape = rewriter.value(id).desc.shape;
  const NodeId maker = rewriter.producer(id);
  if (id == stop || maker == kNoNode) return whole_view(id, shape);
  const Node& node = rewriter.node(maker);
  const std::optional<Scaling> scaling = scaling_of(graph, node);
  if (!node.epilogue.empty() || (!is_followed(*node.op) && !scaling)) return whole_view(id, shape);
  const ValueId operand = node.inputs[scaling ? scaling->moved : 0];
  if (rewriter.is_constant(operand) || !rewriter.value(operand).desc.shape.known() ||
      rewriter.value(operand).desc.dtype != rewriter.value(id).desc.dtype)
    return whole_view(id, shape);
  const std::size_t before = nodes.size();
  StridedView view = view_of(rewriter, operand, nodes, stop);
  if (scaling) {
    view.factor *= scaling->factor;
  } else if (!take(graph, node, id, view)) {
    nodes.resize(before);
    return whole_view(id, shape);
  }
  nodes.push_back(maker);
  return view;
}

}  // namespace godwit::engine::passes
