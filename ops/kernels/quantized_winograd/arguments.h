// Arguments of Winograd's transforms of integers.
#pragma once

#include <cstdint>

#include "ops/kernels/quantized_finish.h"

namespace godwit::ops {

// The same of integers (ops/kernels/quantized_winograd/quantized_winograd.h). channels: a multiple of 32.
struct ByteWinogradInput {
  const std::uint8_t* const* src;  // edge * edge pointers to `channels` elements each
  std::int16_t* dst;
  std::int64_t plane;  // elements from one plane to the next
  std::int64_t channels;
};
using ByteWinogradInputFunction = void(const ByteWinogradInput& tile);

struct ByteWinogradOutput {
  const std::int32_t* src;  // each plane padded to whole vectors
  std::int64_t plane;
  void* const* dst;                     // m * m pointers, null where the tile hangs over the border
  const std::uint8_t* const* residual;  // m * m pointers (those with a dst are read), or null
  const std::int32_t* bias;             // padded to whole vectors
  const float* scale;                   // padded to whole vectors
  const QuantizedFinish* finish;
  std::int64_t channels;
};
using ByteWinogradOutputFunction = void(const ByteWinogradOutput& tile);

}  // namespace godwit::ops
