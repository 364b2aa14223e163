// Shapes from front to back, with the small constants that shapes depend on computed on the way.
#include <algorithm>
#include <fmt/format.h>

#include "engine/graph.h"
#include "engine/rewrite.h"
#include "runtime/error.h"

namespace godwit::engine {
namespace {

// Values that are known only while shapes are inferred; the graph is left without them, whatever happens.
class Evaluated {
 public:
  explicit Evaluated(Graph& graph) : graph_(graph) {}
  ~Evaluated() {
    for (const ValueId id : ids_) graph_.value(id).constant.reset();
  }
  Evaluated(const Evaluated&) = delete;
  Evaluated& operator=(const Evaluated&) = delete;

  void set(ValueId id, Tensor tensor) {
    graph_.value(id).constant = std::move(tensor);
    ids_.push_back(id);
  }

 private:
  Graph& graph_;
  std::vector<ValueId> ids_;
};

void infer_node(Graph& graph, const Node& node) {
  const NodeContext context(graph, node);
  ops::NodeView view = context.view();
  view.outputs = {};
  const std::vector<TensorDesc> descs = ops::infer(*node.op, view);
  if (descs.size() != node.outputs.size()) {
    throw Error(fmt::format("internal error: inference gives {} results, the node has {}", descs.size(),
                            node.outputs.size()),
                ErrorKind::failed);
  }
  for (std::size_t i = 0; i < descs.size(); ++i) {
    if (node.outputs[i] == kNoValue) continue;
    TensorDesc& desc = graph.value(node.outputs[i]).desc;
    desc.dtype = descs[i].dtype;
    desc.shape = descs[i].shape;
  }
}

bool is_small(const Graph& graph, const Node& node, std::int64_t limit) {
  return std::ranges::all_of(node.outputs, [&](ValueId id) {
    return id == kNoValue || graph.value(id).desc.shape.at_bounds().elements() <= limit;
  });
}

// One dimension that is given against the model's.
void check_dim(const Graph& graph, const Shape& declared, const Shape& shape, int axis) {
  if (shape[axis] < 0) {
    throw Error(fmt::format("dimension {} is {}, expected at least 0", axis, shape[axis]));
  }
  if (is_known(declared[axis]) && declared[axis] != shape[axis]) {
    throw Error(
        fmt::format("shape {} does not fit the model's {}", shape.to_string(), graph.to_string(declared)));
  }
  for (int earlier = 0; earlier < axis; ++earlier) {
    if (declared[axis] != kAnyDim && declared[earlier] == declared[axis] && shape[earlier] != shape[axis]) {
      throw Error(fmt::format("shape {} gives two sizes to one symbol of the model's {}", shape.to_string(),
                              graph.to_string(declared)));
    }
  }
}

void forget_inferred(Graph& graph) {
  for (const Node& node : graph.nodes) {
    for (const ValueId id : node.outputs) {
      if (id != kNoValue) graph.value(id).desc.shape = Shape::unranked();
    }
  }
}

void replace_symbol(Graph& graph, std::int64_t symbol, std::int64_t size) {
  for (const ValueId id : graph.inputs) {
    Shape& shape = graph.value(id).desc.shape;
    for (int axis = 0; axis < shape.rank(); ++axis) {
      if (shape[axis] == symbol) shape[axis] = size;
    }
  }
}

}  // namespace

void infer_shapes(Graph& graph, std::int64_t fold_limit) {
  Evaluated evaluated(graph);
  for (const Node& node : graph.nodes) {
    with_context([&] { return describe(node); },
                 [&] {
                   infer_node(graph, node);
                   if (!is_foldable(graph, node) || !is_small(graph, node, fold_limit)) return;
                   std::vector<Tensor> results = evaluate(graph, node);
                   for (std::size_t i = 0; i < results.size(); ++i) {
                     if (node.outputs[i] == kNoValue) continue;
                     graph.value(node.outputs[i]).desc.shape = results[i].shape();
                     evaluated.set(node.outputs[i], std::move(results[i]));
                   }
                 });
  }
}

void bind_input(Graph& graph, std::string_view input, const Shape& shape) {
  const auto found =
      std::ranges::find_if(graph.inputs, [&](ValueId id) { return graph.value(id).name == input; });
  if (found == graph.inputs.end()) {
    std::string names;
    for (const ValueId id : graph.inputs) names += (names.empty() ? "" : ", ") + graph.value(id).name;
    throw Error(fmt::format("the model has no input '{}'; its inputs are: {}", input, names));
  }
  const Shape declared = graph.value(*found).desc.shape;
  with_context(
      [&] { return fmt::format("input '{}'", input); },
      [&] {
        if (!shape.ranked()) throw Error("its shape must be given in full");
        if (declared.ranked() && declared.rank() != shape.rank()) {
          throw Error(fmt::format("shape {} has rank {}, the model's {} has rank {}", shape.to_string(),
                                  shape.rank(), graph.to_string(declared), declared.rank()));
        }
        for (int axis = 0; axis < declared.rank(); ++axis) check_dim(graph, declared, shape, axis);
        for (const std::int64_t dim : shape.dims()) {
          if (dim < 0) throw Error(fmt::format("a dimension is {}, expected at least 0", dim));
        }
        TensorDesc desc = graph.value(*found).desc;
        desc.shape = shape;
        (void)desc.bytes();  // throws when the size overflows
      });
  graph.value(*found).desc.shape = shape;
  for (int axis = 0; axis < declared.rank(); ++axis) {
    if (is_symbol(declared[axis])) replace_symbol(graph, declared[axis], shape[axis]);
  }
  forget_inferred(graph);
}

void make_known(Graph& graph, std::string_view input, const Tensor& tensor) {
  const auto named = [&](ValueId id) { return graph.value(id).name == input; };
  auto found = std::ranges::find_if(graph.inputs, named);
  ValueId id = kNoValue;
  if (found != graph.inputs.end()) {
    id = *found;
    graph.inputs.erase(found);
  } else if (found = std::ranges::find_if(graph.declared_inputs, named);
             found != graph.declared_inputs.end()) {
    id = *found;
  } else {
    throw Error(fmt::format("the model has no input '{}'", input));
  }
  Value& value = graph.value(id);
  if (value.desc.dtype != tensor.dtype()) {
    throw Error(fmt::format("input '{}' is {}, but {} was given", input, name_of(value.desc.dtype),
                            name_of(tensor.dtype())));
  }
  value.desc = tensor.desc();
  value.constant = tensor;
  forget_inferred(graph);
}

void forget_symbols(Graph& graph) {
  for (const ValueId id : graph.inputs) {
    Shape& shape = graph.value(id).desc.shape;
    for (int axis = 0; axis < shape.rank(); ++axis) {
      if (is_symbol(shape[axis])) shape[axis] = kAnyDim;
    }
  }
  forget_inferred(graph);
}

}  // namespace godwit::engine
