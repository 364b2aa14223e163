// The history of operators that move data, decide shapes, resample or slide windows.
#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <string>
#include <utility>
#include <vector>

#include "importers/onnx/adapter.h"
#include "runtime/error.h"

namespace godwit::importers {
namespace {

using engine::Node;
using engine::ValueId;

// Squeeze's and Unsqueeze's axes became an input.
void adapt_squeeze(Node node, GraphBuilder& builder) {
  require_inputs(node, 1, 1);
  move_integers(node, builder, "axes", 1);
  builder.append(std::move(node));
}

void adapt_unsqueeze(Node node, GraphBuilder& builder) {
  require_attribute(node, "axes");
  adapt_squeeze(std::move(node), builder);
}

// pads and value became inputs; in the first opset the pads had another name.
void adapt_pad(Node node, GraphBuilder& builder) {
  require_inputs(node, 1, 1);
  if (builder.opset() < 2 && node.attributes.has("paddings")) {
    const std::span<const std::int64_t> pads = node.attributes.integers("paddings");
    node.attributes.set("pads", std::vector<std::int64_t>(pads.begin(), pads.end()));
    node.attributes.erase("paddings");
  }
  require_attribute(node, "pads");
  move_integers(node, builder, "pads", 1);
  move_real(node, builder, "value", 2);
  builder.append(std::move(node));
}

// starts, ends and axes became inputs.
void adapt_slice(Node node, GraphBuilder& builder) {
  require_inputs(node, 1, 1);
  require_attribute(node, "starts");
  require_attribute(node, "ends");
  move_integers(node, builder, "starts", 1);
  move_integers(node, builder, "ends", 2);
  move_integers(node, builder, "axes", 3);
  builder.append(std::move(node));
}

// The new shape became an input.
void adapt_reshape(Node node, GraphBuilder& builder) {
  require_inputs(node, 1, 1);
  require_attribute(node, "shape");
  move_integers(node, builder, "shape", 1);
  builder.append(std::move(node));
}

// The axis was 1 where none was given.
void adapt_concat(Node node, GraphBuilder& builder) {
  if (!node.attributes.has("axis")) node.attributes.set("axis", std::int64_t{1});
  builder.append(std::move(node));
}

// The parts' sizes became an input.
void adapt_split(Node node, GraphBuilder& builder) {
  if (node.attributes.has("split")) node.attributes.erase("num_outputs");
  move_integers(node, builder, "split", 1);
  builder.append(std::move(node));
}

// The number of elements became an input.
void adapt_top_k(Node node, GraphBuilder& builder) {
  require_inputs(node, 1, 1);
  require_attribute(node, "k");
  const std::int64_t k[] = {node.attributes.integer("k", 0)};
  node.attributes.erase("k");
  set_input(node, 1, builder.new_constant(node.name + "_k", int64_list(k)));
  builder.append(std::move(node));
}

// One axis, and how often along it, became repeats for every axis.
void adapt_tile(Node node, GraphBuilder& builder) {
  require_inputs(node, 3, 3);
  const auto number = [&](std::size_t i) {
    const auto& constant = builder.graph().value(node.inputs[i]).constant;
    if (!constant || constant->dtype() != DType::f32 || constant->shape().elements() != 1)
      throw Error(
          fmt::format("input {} is no constant number, which opset {} needs here", i, builder.opset()));
    return static_cast<std::int64_t>(constant->values<float>()[0]);
  };
  const Shape shape = builder.describe(node.inputs[0]).shape;
  if (!shape.ranked())
    throw Error(fmt::format("needs an operand of known rank in opset {}", builder.opset()));
  std::vector<std::int64_t> repeats(static_cast<std::size_t>(shape.rank()), 1);
  const std::int64_t tiles = number(1), axis = number(2);
  if (axis < 0 || axis >= shape.rank())
    throw Error(fmt::format("input 2 (axis) is {}, expected 0 to {}", axis, shape.rank() - 1));
  repeats[static_cast<std::size_t>(axis)] = tiles;
  node.inputs = {node.inputs[0], builder.new_constant(node.name + "_repeats", int64_list(repeats))};
  builder.append(std::move(node));
}

// ScatterElements has another name.
void adapt_scatter(Node node, GraphBuilder& builder) {
  node.op = ops::find_op("ScatterElements");
  builder.append(std::move(node));
}

// Resize as it was before it could place its samples in several ways: each at its place divided by the scale,
// the nearest towards the beginning where the operand grows and away from it where it shrinks.
void append_plain_resize(Node node, GraphBuilder& builder, ValueId scales) {
  const auto& constant = builder.graph().value(scales).constant;
  bool grows = false, shrinks = false;
  if (constant && constant->dtype() == DType::f32) {
    const std::span<const float> values = constant->values<float>();
    grows = std::ranges::any_of(values, [](float scale) { return scale > 1; });
    shrinks = std::ranges::any_of(values, [](float scale) { return scale < 1; });
  }
  const std::string mode = node.attributes.string("mode", "nearest");
  if (mode == "nearest" && grows && shrinks)
    throw Error(
        fmt::format("grows along one axis and shrinks along another, which is not supported in opset {}",
                    builder.opset()));
  if (mode == "bilinear") node.attributes.set("mode", std::string("linear"));
  node.attributes.set("coordinate_transformation_mode", std::string("asymmetric"));
  node.attributes.set("nearest_mode", std::string(shrinks && node.op->name == "Resize" ? "ceil" : "floor"));
  node.op = ops::find_op("Resize");
  node.inputs = {node.inputs[0], engine::kNoValue, scales};
  builder.append(std::move(node));
}

void adapt_resize(Node node, GraphBuilder& builder) {
  require_inputs(node, 2, 2);
  const ValueId scales = node.inputs[1];
  append_plain_resize(std::move(node), builder, scales);
}

// Scales were attributes: two of an image, or one for each axis.
void adapt_upsample(Node node, GraphBuilder& builder) {
  if (node.inputs.size() == 2) {
    adapt_resize(std::move(node), builder);
    return;
  }
  std::vector<float> scales;
  if (node.attributes.has("scales")) {
    const std::span<const float> given = node.attributes.reals("scales");
    scales.assign(given.begin(), given.end());
  } else {
    require_attribute(node, "height_scale");
    require_attribute(node, "width_scale");
    scales = {1, 1, node.attributes.real("height_scale", 1), node.attributes.real("width_scale", 1)};
  }
  for (const char* attribute : {"scales", "height_scale", "width_scale"}) node.attributes.erase(attribute);
  const ValueId constant = builder.new_constant(
      node.name + "_scales",
      Tensor::of<float>({static_cast<std::int64_t>(scales.size())}, std::span<const float>(scales)));
  append_plain_resize(std::move(node), builder, constant);
}

// Places of the result were not moved by half a pixel.
void adapt_roi_align(Node node, GraphBuilder& builder) {
  node.attributes.set("coordinate_transformation_mode", std::string("output_half_pixel"));
  builder.append(std::move(node));
}

// Modes had the names of two dimensions.
void adapt_grid_sample(Node node, GraphBuilder& builder) {
  const std::string mode = node.attributes.string("mode", "bilinear");
  if (mode == "bilinear") node.attributes.set("mode", std::string("linear"));
  if (mode == "bicubic") node.attributes.set("mode", std::string("cubic"));
  builder.append(std::move(node));
}

// The axis became an input, and its default another one.
void adapt_dft(Node node, GraphBuilder& builder) {
  require_inputs(node, 1, 2);
  const std::int64_t axis[] = {node.attributes.integer("axis", 1)};
  node.attributes.erase("axis");
  set_input(node, 2, builder.new_constant(node.name + "_axis", Tensor::of<std::int64_t>({}, axis)));
  builder.append(std::move(node));
}

// The order of the norm was a real number.
void adapt_lp_pool(Node node, GraphBuilder& builder) {
  make_integer(node, "p");
  builder.append(std::move(node));
}

constexpr std::array kAdapters = {
    Adapter{"Concat", 4, adapt_concat},
    Adapter{"DFT", 20, adapt_dft},
    Adapter{"GlobalLpPool", 2, adapt_lp_pool},
    Adapter{"GridSample", 20, adapt_grid_sample},
    Adapter{"LpPool", 2, adapt_lp_pool},
    Adapter{"Pad", 11, adapt_pad},
    Adapter{"Reshape", 5, adapt_reshape},
    Adapter{"Resize", 11, adapt_resize},
    Adapter{"RoiAlign", 16, adapt_roi_align},
    Adapter{"Scatter", kAlways, adapt_scatter},
    Adapter{"Slice", 10, adapt_slice},
    Adapter{"Split", 13, adapt_split},
    Adapter{"Squeeze", 13, adapt_squeeze},
    Adapter{"Tile", 6, adapt_tile},
    Adapter{"TopK", 10, adapt_top_k},
    Adapter{"Unsqueeze", 13, adapt_unsqueeze},
    Adapter{"Upsample", kAlways, adapt_upsample},
};

}  // namespace

std::span<const Adapter> movement_adapters() { return kAdapters; }

}  // namespace godwit::importers
