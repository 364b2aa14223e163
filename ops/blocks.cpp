// The six axes of a copy between blocks and channels.
#include "ops/blocks.h"

#include <fmt/format.h>
#include <utility>

#include "ops/movement.h"
#include "runtime/error.h"

namespace godwit::ops {

std::int64_t block_size_of(const Attributes& attributes) {
  const std::int64_t block = attributes.integer("blocksize", 0);
  if (block < 1 || block > std::int64_t{1} << 20)
    throw Error(fmt::format("attribute 'blocksize' is {}, expected at least 1", block));
  return block;
}

CopyBox depth_to_space_box(const TensorDesc& deep, const TensorDesc& wide, std::int64_t block,
                           bool channels_first) {
  const Index from = strides_of(deep), to = strides_of(wide);
  const std::int64_t channels = wide.shape[1];
  const std::int64_t place = channels_first ? 1 : channels;
  const std::int64_t channel = channels_first ? block * block : 1;
  // (N, C, H, y, W, x)
  return {
      .extent = {deep.shape[0], channels, deep.shape[2], block, deep.shape[3], block},
      .src_strides = {from[0], from[1] * channel, from[2], from[1] * place * block, from[3], from[1] * place},
      .dst_strides = {to[0], to[1], to[2] * block, to[2], to[3] * block, to[3]}};
}

CopyBox reversed(const CopyBox& box) {
  CopyBox back = box;
  std::swap(back.src_strides, back.dst_strides);
  std::swap(back.src_offset, back.dst_offset);
  return back;
}

void copy_box(const CopyBox& box, const TensorView& src, const TensorView& dst) {
  for_each_index(box.extent, [&](const Index& index, std::int64_t) {
    copy_element(src, box.src_offset + offset_of(index, box.src_strides, box.extent.rank()), dst,
                 box.dst_offset + offset_of(index, box.dst_strides, box.extent.rank()));
  });
}

}  // namespace godwit::ops
