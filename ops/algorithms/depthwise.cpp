// Numbers of channels, blocks and lines that a depthwise convolution takes at once.
#include "ops/algorithms/depthwise.h"

#include "runtime/cpu.h"

namespace godwit::ops {
namespace {

constexpr std::int64_t kWidestVector = 16;  // f32 in those of any ISA
// Channels for which the call of a kernel costs little.
constexpr std::int64_t kChunk = 128;

std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

}  // namespace

DepthwiseWalk::DepthwiseWalk(const ConvGeometry& geometry, std::int64_t pixels, bool chunks,
                             std::int64_t number_bytes)
    : geometry_(geometry),
      pixels_(geometry.w.output >= pixels ? pixels : 1),
      blocks_(ceil_div(geometry.w.output, pixels_)),
      columns_((pixels_ - 1) * geometry.w.stride + geometry.w.kernel),
      taps_(geometry.h.kernel * columns_),
      chunk_(geometry.ic) {
  if (chunks) {
    const std::int64_t parts = ceil_div(geometry.ic, kChunk);
    chunk_ = ceil_div(ceil_div(geometry.ic, parts), kWidestVector) * kWidestVector;
  }
  // The rows of src under a line of outputs, the line itself and the weights fill half the L1.
  const auto l1 = static_cast<std::int64_t>(cache_sizes().l1d);
  const std::int64_t pixel_bytes = (geometry.h.kernel * geometry.w.stride + 1) * chunk_ * number_bytes;
  const std::int64_t weight_bytes = geometry.taps() * chunk_ * std::int64_t{sizeof(float)};
  const std::int64_t span = (l1 / 2 - weight_bytes) / (pixel_bytes * pixels_);
  const std::int64_t spans = ceil_div(blocks_, std::max<std::int64_t>(span, 1));
  span_ = spans > 0 ? ceil_div(blocks_, spans) : 1;
  // Pointers fill an eighth of it.
  const std::int64_t pointer_bytes = span_ * taps_ * std::int64_t{sizeof(const void*)};
  lines_ = std::max<std::int64_t>(std::min(l1 / 8 / pointer_bytes, geometry.batch * geometry.h.output), 1);
}

std::size_t DepthwiseWalk::scratch_bytes() const {
  return static_cast<std::size_t>(lines_ * span_ * taps_) * sizeof(const void*);
}

}  // namespace godwit::ops
