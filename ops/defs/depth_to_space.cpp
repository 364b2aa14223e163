// DepthToSpace: groups of channels laid out as blocks of pixels.
#include <fmt/format.h>

#include "ops/arithmetic.h"
#include "ops/blocks.h"
#include "ops/movement.h"
#include "runtime/counted.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

bool channels_first(const NodeView& node) {
  const std::string mode = node.attributes.string("mode", "DCR");
  if (mode == "DCR" || mode == "CRD") return mode == "CRD";
  throw Error(fmt::format("attribute 'mode' is '{}', expected DCR or CRD", mode));
}

std::int64_t times(std::int64_t dim, std::int64_t block) {
  if (!is_known(dim)) return block == 1 ? dim : kAnyDim;
  std::int64_t product = 0;
  if (__builtin_mul_overflow(dim, block, &product))
    throw Error(fmt::format("{} blocks of {} do not fit in 63 bits", dim, block));
  return product;
}

std::vector<TensorDesc> infer_depth_to_space(const NodeView& node) {
  require_rank(node, 0, 4, 4);
  (void)channels_first(node);
  const std::int64_t block = block_size_of(node.attributes);
  const Shape& src = node.shape(0);
  TensorDesc dst{node.input(0).dtype, src, Layout::nchw};
  if (!src.ranked()) return {dst};
  if (is_known(src[1]) && src[1] % (block * block) != 0) {
    throw Error(
        fmt::format("{} cannot be divided into blocks of {}x{}", counted(src[1], "channel"), block, block));
  }
  dst.shape = {src[0],
               is_known(src[1]) ? src[1] / (block * block)
               : block == 1     ? src[1]
                                : kAnyDim,
               times(src[2], block), times(src[3], block)};
  return {dst};
}

CopyBox box_of(const NodeView& node, const TensorDesc& src, const TensorDesc& dst) {
  return depth_to_space_box(src, dst, block_size_of(node.attributes), channels_first(node));
}

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  copy_box(box_of(node, src[0].desc, dst[0].desc), src[0], dst[0]);
}

std::string accept(const NodeView&, const Target&) { return {}; }

std::unique_ptr<Executable> prepare_copy(const NodeView& node, const PrepareContext&) {
  const CopyPart part{.box = box_of(node, node.input(0), node.outputs[0])};
  return make_copies({&part, 1}, size_of(node.input(0).dtype));
}

const Implementation strided_copy{"strided_copy", "runs or tiles, whatever the layout allows", accept,
                                  prepare_copy};

}  // namespace

const OpDef& op_depth_to_space() {
  static const OpDef def{
      .name = "DepthToSpace",
      .sentence = "groups of channels laid out as blocks of pixels",
      .since_opset = 11,
      .attributes = {{"blocksize", AttributeType::integer, true}, {"mode", AttributeType::string}},
      .kind = OpKind::movement,
      .moves = moves_first,
      .infer = infer_depth_to_space,
      .reference = reference,
      .cost = no_arithmetic,
      .layout = any_layout,
      .batch_separable = always,
      .implementations = {&strided_copy},
  };
  return def;
}

}  // namespace godwit::ops
