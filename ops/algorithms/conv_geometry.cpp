// Reads a Conv node's sizes off its operands and attributes.
#include "ops/algorithms/conv_geometry.h"

#include <algorithm>

#include "ops/arithmetic.h"

namespace godwit::ops {

ConvGeometry conv_geometry(const NodeView& node) {
  const Shape& src = node.shape(0);
  const Shape& weights = node.shape(1);
  const Window window = window_of(node.attributes, src.dims().subspan(2), weights.dims().subspan(2));
  return {.batch = src[0],
          .ic = src[1],
          .oc = weights[0],
          .group = node.attributes.integer("group", 1),
          .h = window.h(),
          .w = window.w(),
          .d = window.d()};
}

Worker::Range rows_read(const WindowAxis& h, Worker::Range lines) {
  // A tap outside of the image reads none of its lines: the nearest one stands for it.
  const auto line_at = [&](std::int64_t line, std::int64_t tap) {
    const std::int64_t ih = line % h.output * h.stride + tap * h.dilation - h.pad_begin;
    return line / h.output * h.input + std::clamp<std::int64_t>(ih, 0, h.input - 1);
  };
  return {line_at(lines.begin, 0), line_at(lines.end - 1, h.kernel - 1) + 1};
}

std::string reject_volume(const NodeView& node) {
  return node.shape(0).rank() > 4 ? "is for one and two spatial dimensions" : "";
}

std::string reject_conv_nhwc(const NodeView& node) {
  std::string reason = reject_volume(node);
  return reason.empty() ? reject_conv_layout(node) : reason;
}

std::string reject_conv_layout(const NodeView& node) {
  if (!is_kernel_float(node.input(0).dtype)) return "needs f32, f16 or bf16";
  if (node.input(0).layout != Layout::nhwc || node.outputs[0].layout != Layout::nhwc)
    return "needs nhwc tensors";
  if (node.epilogue.residual && node.inputs.back().desc->layout != Layout::nhwc)
    return "needs an nhwc residual";
  if (node.inputs[1].constant == nullptr) return "needs constant weights";
  if (node.own_inputs() > 2 && node.has_input(2) && node.inputs[2].constant == nullptr)
    return "needs a constant bias";
  if (node.own_inputs() > 2 && node.has_input(2) && node.input(2).dtype != DType::f32)
    return "needs an f32 bias";
  if (node.outputs[0].shape.elements() == 0 || node.shape(0).elements() == 0) return "has nothing to compute";
  return {};
}

}  // namespace godwit::ops
