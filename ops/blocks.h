// Blocks of pixels and the channels that they become: DepthToSpace and, the other way, SpaceToDepth.
#pragma once

#include <cstdint>
#include <string_view>

#include "ops/algorithms/strided_copy.h"
#include "ops/op.h"

namespace godwit::ops {

// Attribute `blocksize`. Throws Error unless it is at least 1.
std::int64_t block_size_of(const Attributes& attributes);

// The way of each element from `deep` (N, C·b·b, H, W) to `wide` (N, C, H·b, W·b), in any layouts. The
// channel of place (y, x) in a block is (y·b + x)·C + c; `channels_first`: c·b·b + y·b + x.
CopyBox depth_to_space_box(const TensorDesc& deep, const TensorDesc& wide, std::int64_t block,
                           bool channels_first);
// The same box with source and destination changed.
CopyBox reversed(const CopyBox& box);

// dst = src along a box, element by element.
void copy_box(const CopyBox& box, const TensorView& src, const TensorView& dst);

}  // namespace godwit::ops
