// Source pixels that a resized pixel mixes along one axis, and their weights: Pillow's, bit for bit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "runtime/image/pipeline.h"

namespace godwit::image {

// The source positions that each destination position in [begin, begin + count) mixes, and their weights.
struct Weights {
  struct Taps {
    std::int32_t first = 0;  // in the source
    std::int32_t count = 0;  // 0: beyond the source, the result is 0
  };
  std::vector<Taps> taps;
  std::vector<std::int32_t> values;  // (taps.size(), stride), 0 behind the last tap
  std::size_t stride = 0;            // at least the most taps of any position
  // The source positions that are used at all: [first, last), never empty.
  std::int32_t first = 0, last = 0;

  const std::int32_t* of(std::size_t i) const { return values.data() + i * stride; }
};

// Weights of the positions [begin, begin + count) of a side of src_size pixels resized to dst_size.
// Overwrites `weights`, whose memory is used again. Requires 0 <= begin, begin + count <= dst_size, src_size
// < 2^30.
void make_weights(Filter filter, std::int64_t src_size, std::int64_t dst_size, std::int64_t begin, int count,
                  Weights& weights);

}  // namespace godwit::image
