// SpaceToDepth: blocks of pixels put into channels.
#include <fmt/format.h>

#include "ops/arithmetic.h"
#include "ops/blocks.h"
#include "ops/movement.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

std::int64_t divided(std::int64_t dim, std::int64_t block) {
  if (!is_known(dim)) return block == 1 ? dim : kAnyDim;
  if (dim % block != 0)
    throw Error(fmt::format("a dimension of {} cannot be divided into blocks of {}", dim, block));
  return dim / block;
}

std::vector<TensorDesc> infer_space_to_depth(const NodeView& node) {
  require_rank(node, 0, 4, 4);
  const std::int64_t block = block_size_of(node.attributes);
  const Shape& src = node.shape(0);
  TensorDesc dst{node.input(0).dtype, src, Layout::nchw};
  if (!src.ranked()) return {dst};
  std::int64_t channels = block == 1 ? src[1] : kAnyDim;
  if (is_known(src[1]) && __builtin_mul_overflow(src[1], block * block, &channels))
    throw Error(fmt::format("{} channels of blocks of {} do not fit in 63 bits", src[1], block));
  dst.shape = {src[0], channels, divided(src[2], block), divided(src[3], block)};
  return {dst};
}

CopyBox box_of(const NodeView& node, const TensorDesc& src, const TensorDesc& dst) {
  return reversed(depth_to_space_box(dst, src, block_size_of(node.attributes), false));
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

const OpDef& op_space_to_depth() {
  static const OpDef def{
      .name = "SpaceToDepth",
      .sentence = "blocks of pixels put into channels",
      .attributes = {{"blocksize", AttributeType::integer, true}},
      .kind = OpKind::movement,
      .moves = moves_first,
      .infer = infer_space_to_depth,
      .reference = reference,
      .cost = no_arithmetic,
      .layout = any_layout,
      .batch_separable = always,
      .implementations = {&strided_copy},
  };
  return def;
}

}  // namespace godwit::ops
