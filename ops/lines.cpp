// Rules of operators that treat lines apart.
#include "ops/lines.h"

#include "ops/axes.h"
#include "ops/elementwise.h"

namespace godwit::ops {

int line_axis(const NodeView& node) {
  const int rank = node.shape(0).rank();
  return rank == 0 ? 0 : normalize_axis(node.attributes.integer("axis", -1), rank);
}

std::vector<TensorDesc> infer_lines(const NodeView& node) {
  if (node.shape(0).ranked()) (void)line_axis(node);
  return infer_unary(node);
}

bool lines_keep_images_apart(const NodeView& node) {
  return node.shape(0).rank() > 0 && line_axis(node) != 0;
}

}  // namespace godwit::ops
