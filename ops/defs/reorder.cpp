// Reorder (internal): the same tensor in the other memory layout; put in where two ops want different ones.
#include <fmt/format.h>

#include "ops/algorithms/strided_copy.h"
#include "ops/layout.h"
#include "ops/movement.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

std::vector<TensorDesc> infer_reorder(const NodeView& node) {
  const std::string to = node.attributes.string("to", "");
  if (to != "nchw" && to != "nhwc")
    throw Error(fmt::format("attribute 'to' is '{}', expected nchw or nhwc", to));
  const Shape& src = node.shape(0);
  if (!can_be_nhwc(src))
    throw Error(fmt::format("an operand of shape {}, expected 3 to 5 dimensions", src.to_string()));
  return {{node.input(0).dtype, src, to == "nhwc" ? Layout::nhwc : Layout::nchw}};
}

bool moves_nothing(const NodeView& node) {
  const Shape& src = node.shape(0);
  return can_be_nhwc(src) && (src[1] == 1 || src.product(2, src.rank()) == 1);
}

std::string accept(const NodeView&, const Target&) { return {}; }

std::unique_ptr<Executable> prepare_copy(const NodeView& node, const PrepareContext&) {
  const CopyPart part{.box = {.extent = node.shape(0),
                              .src_strides = strides_of(node.input(0)),
                              .dst_strides = strides_of(node.outputs[0])}};
  return make_copies({&part, 1}, size_of(node.input(0).dtype));
}

const Implementation strided_copy{"strided_copy", "tiles that read and write whole cache lines", accept,
                                  prepare_copy};

}  // namespace

const OpDef& op_reorder() {
  static const OpDef def{
      .name = "Reorder",
      .domain = "godwit",
      .sentence = "the same tensor in the other memory layout",
      .attributes = {{"to", AttributeType::string, true}},
      .kind = OpKind::movement,
      .moves = moves_first,
      .infer = infer_reorder,
      .reference = copy_reference,
      .cost = no_arithmetic,
      .is_view = moves_nothing,
      .batch_separable = always,
      .implementations = {&strided_copy},
  };
  return def;
}

}  // namespace godwit::ops
