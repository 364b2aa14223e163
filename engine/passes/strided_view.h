// A value as a view of another one: what chains of Reshape, Transpose, Slice, Split and Gather come to.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "engine/rewrite.h"

namespace godwit::engine::passes {

struct StridedView {
  struct Dim {
    std::int64_t size = 1, stride = 1;
  };
  ValueId base = kNoValue;
  std::int64_t offset = 0;
  std::vector<Dim> dims;  // of the value, each with the distance of neighbours in the base
  double factor = 1;      // that elements are multiplied with

  // The view with the dimensions of a value of shape `shape`; nullopt where no strides say it.
  std::optional<std::vector<Dim>> reshaped(const Shape& shape) const;
};

// All of a value.
StridedView whole_view(ValueId id, const Shape& shape);

// Looks from `id` through nodes that only move elements or multiply all of them with one finite constant, up
// to the last value that it can be a view of, or to `stop`; the nodes go to `nodes`. Shapes must be known.
StridedView view_of(const Rewriter& rewriter, ValueId id, std::vector<NodeId>& nodes,
                    ValueId stop = kNoValue);

// The factor, where the node multiplies or divides operand `moved` by one finite constant.
struct Scaling {
  std::size_t moved = 0;
  double factor = 1;
};
std::optional<Scaling> scaling_of(const Graph& graph, const Node& node);

}  // namespace godwit::engine::passes
