// Col2Im: columns of blocks added up into images, each block at the place where its window stands. Sums of
// floats are made in double precision; integers wrap around.
#include <fmt/format.h>

#include "ops/arithmetic.h"
#include "ops/axes.h"
#include "ops/movement.h"
#include "ops/numbers.h"
#include "ops/operands.h"
#include "ops/window.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

// The window from image and block sizes, which are known.
Window window_for(const Attributes& attributes, std::span<const std::int64_t> image,
                  std::span<const std::int64_t> block) {
  return window_of(attributes, image, block);
}

std::vector<TensorDesc> infer_col2im(const NodeView& node) {
  require_rank(node, 0, 3, 3);
  require_wide(node, 0);
  const IntegerList image = integer_list(node, 1, "image_shape");
  const IntegerList block = integer_list(node, 2, "block_shape");
  TensorDesc dst{node.input(0).dtype, Shape::unranked(), Layout::nchw};
  if (!image.values || !block.values) return {dst};
  if (image.length != block.length || image.length < 1 || image.length > kMaxSpatial) {
    throw Error(
        fmt::format("inputs 1 (image_shape) and 2 (block_shape) have {} and {} values, expected both "
                    "to have 1 to {}",
                    image.length, block.length, kMaxSpatial));
  }
  for (const std::int64_t size : *image.values) {
    if (size < 0) throw Error(fmt::format("input 1 (image_shape) has {}, expected at least 0", size));
  }
  const Window window = window_for(node.attributes, *image.values, *block.values);
  const Shape& src = node.shape(0);
  dst.shape = {src.ranked() ? src[0] : kAnyDim, kAnyDim};
  for (const std::int64_t size : *image.values) dst.shape.append(size);
  if (!src.ranked()) return {dst};
  const std::int64_t factors[] = {window.d().output, window.h().output, window.w().output};
  require_dim("dimension 2 of input 0", src[2], product_of(factors));
  const std::int64_t taps = product_of(*block.values);
  if (is_known(src[1])) {
    if (src[1] % taps != 0)
      throw Error(fmt::format("dimension 1 of input 0 is {}, expected a multiple of {}", src[1], taps));
    dst.shape[1] = src[1] / taps;
  }
  return {dst};
}

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const Shape &columns = src[0].desc.shape, &shape = dst[0].desc.shape;
  PerAxis block{};
  for (std::size_t i = 0; i < static_cast<std::size_t>(shape.rank() - 2); ++i)
    block[i] = integer_at(src[2], static_cast<std::int64_t>(i));
  const auto image = shape.dims().subspan(2);
  const Window window = window_for(node.attributes, image, std::span(block).first(image.size()));
  visit_wide(dst[0].desc.dtype, [&]<class T>() {
    using Sum = std::conditional_t<std::is_integral_v<T>, std::uint64_t, double>;
    std::int64_t to = 0;
    for (std::int64_t channel = 0; channel < shape[0] * shape[1]; ++channel) {
      const T* from = src[0].as<const T>() + channel * window.taps() * columns[2];
      for (std::int64_t i = 0; i < window.inputs(); ++i, ++to) {
        Sum sum{};
        for_each_window_on(window, window.input_position_of(i), [&](std::int64_t o, std::int64_t tap) {
          sum += static_cast<Sum>(static_cast<Computed<T>>(from[tap * columns[2] + o]));
        });
        dst[0].as<T>()[to] = static_cast<T>(sum);
      }
    }
  });
}

// An addition for each element of the columns.
Cost cost_col2im(const NodeView& node) {
  return {.macs = 0, .flops = node.shape(0).known() ? node.shape(0).elements() : 0};
}

}  // namespace

const OpDef& op_col2im() {
  static const OpDef def{
      .name = "Col2Im",
      .sentence = "columns of blocks added up into images, 1-D to 3-D",
      .since_opset = 18,
      .min_inputs = 3,
      .max_inputs = 3,
      .attributes = {{"dilations", AttributeType::integers},
                     {"pads", AttributeType::integers},
                     {"strides", AttributeType::integers}},
      .infer = infer_col2im,
      .reference = reference,
      .cost = cost_col2im,
      .batch_separable = always,
  };
  return def;
}

}  // namespace godwit::ops
