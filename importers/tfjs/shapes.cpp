// Layers that only move numbers. Keras counts and flattens images with the channels last.
#include <algorithm>
#include <fmt/format.h>
#include <limits>
#include <nlohmann/json.hpp>

#include "importers/tfjs/layers.h"
#include "runtime/error.h"

namespace godwit::importers {
namespace {

using engine::ValueId;
using Integers = std::vector<std::int64_t>;

constexpr std::int64_t kToTheEnd = std::numeric_limits<std::int64_t>::max();

Tensor list_of(const Integers& values) {
  return Tensor::of<std::int64_t>({static_cast<std::int64_t>(values.size())},
                                  std::span<const std::int64_t>(values));
}

ops::Attributes permutation(Integers axes) {
  ops::Attributes attributes;
  attributes.set("perm", std::move(axes));
  return attributes;
}

}  // namespace

ValueId TfjsBuilder::to_keras(ValueId value, const std::string& name) {
  if (graph_.value(value).desc.shape.rank() != 4) return value;
  return append("Transpose", name, {value}, permutation({0, 2, 3, 1}));
}

ValueId TfjsBuilder::from_keras(ValueId value, const std::string& name) {
  if (graph_.value(value).desc.shape.rank() != 4) return value;
  return append("Transpose", name, {value}, permutation({0, 3, 1, 2}));
}

TfjsBuilder::Source TfjsBuilder::flatten(const TfjsLayer& layer) {
  Source src = source(layer, 0, 0);
  LayerConfig(*layer.config).require_channels_last();
  if (shape(src).rank() == 2) return src;
  src.value = append("Flatten", layer.name, {to_keras(src.value, layer.name + "_nhwc")});
  return src;
}

// The batch stays what it is.
TfjsBuilder::Source TfjsBuilder::reshape(const TfjsLayer& layer) {
  Source src = source(layer, 0, 0);
  const Json& sizes = LayerConfig(*layer.config).at("target_shape");
  if (!sizes.is_array() || sizes.size() + 1 > static_cast<std::size_t>(kMaxRank))
    throw Error(fmt::format("'target_shape' is {}, expected a list of sizes", shown(sizes)));
  Integers target = {0};
  for (const Json& size : sizes) {
    if (size.is_null() || size == -1) {
      target.push_back(-1);
    } else {
      target.push_back(positive_of(size, "target_shape"));
    }
  }
  if (std::ranges::count(target, -1) > 1)
    throw Error(fmt::format("'target_shape' is {}, which leaves more than one size open", shown(sizes)));
  const ValueId flat = append(
      "Reshape", layer.name,
      {to_keras(src.value, layer.name + "_nhwc"), constant(layer.name + "/target_shape", list_of(target))});
  src.value = from_keras(flat, layer.name + "_nchw");
  return src;
}

TfjsBuilder::Source TfjsBuilder::permute(const TfjsLayer& layer) {
  Source src = source(layer, 0, 0);
  const int rank = shape(src).rank();
  const Json& dims = LayerConfig(*layer.config).at("dims");
  Integers axes = {0};
  if (dims.is_array()) {
    for (const Json& dim : dims) axes.push_back(positive_of(dim, "dims"));
  }
  Integers sorted = axes;
  std::ranges::sort(sorted);
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    if (sorted.size() == static_cast<std::size_t>(rank) && sorted[i] == static_cast<std::int64_t>(i))
      continue;
    throw Error(fmt::format("'dims' is {}, expected each of 1 to {} once", shown(dims), rank - 1));
  }
  const ValueId turned =
      append("Transpose", layer.name, {to_keras(src.value, layer.name + "_nhwc")}, permutation(axes));
  src.value = from_keras(turned, layer.name + "_nchw");
  return src;
}

TfjsBuilder::Source TfjsBuilder::cropping(const TfjsLayer& layer) {
  Source src = source(layer, 0, 4);
  const LayerConfig config(*layer.config);
  config.require_channels_last();
  const Json& sides = config.at("cropping");
  Integers starts, ends;
  const auto wrong = [&] {
    return Error(fmt::format("'cropping' is {}, expected two pairs of integers of at least 0", shown(sides)));
  };
  if (!sides.is_array() || sides.size() != 2) throw wrong();
  for (const Json& pair : sides) {
    if (!pair.is_array() || pair.size() != 2) throw wrong();
    for (const Json& side : pair) {
      if (!side.is_number_integer() || side < 0 || side > INT32_MAX) throw wrong();
    }
    const auto end = pair[1].get<std::int64_t>();
    starts.push_back(pair[0].get<std::int64_t>());
    ends.push_back(end == 0 ? kToTheEnd : -end);
  }
  src.value = append(
      "Slice", layer.name,
      {src.value, constant(layer.name + "/starts", list_of(starts)),
       constant(layer.name + "/ends", list_of(ends)), constant(layer.name + "/axes", list_of({2, 3}))});
  return src;
}

TfjsBuilder::Source TfjsBuilder::up_sampling(const TfjsLayer& layer) {
  constexpr std::int64_t kDefaultSize = 2;
  Source src = source(layer, 0, 4);
  const LayerConfig config(*layer.config);
  config.require_channels_last();
  const Integers size = config.pair("size", kDefaultSize);
  const std::string interpolation = config.text("interpolation", "nearest");
  ops::Attributes attributes;
  if (interpolation == "nearest") {
    attributes.set("mode", std::string("nearest"));
    attributes.set("coordinate_transformation_mode", std::string("asymmetric"));
    attributes.set("nearest_mode", std::string("floor"));
  } else if (interpolation == "bilinear") {
    attributes.set("mode", std::string("linear"));
    attributes.set("coordinate_transformation_mode", std::string("half_pixel"));
  } else {
    throw Error(fmt::format("'interpolation' is '{}', expected 'nearest' or 'bilinear'", interpolation));
  }
  const Tensor scales =
      Tensor::of<float>({4}, {1, 1, static_cast<float>(size[0]), static_cast<float>(size[1])});
  src.value =
      append("Resize", layer.name, {src.value, engine::kNoValue, constant(layer.name + "/scales", scales)},
             std::move(attributes));
  return src;
}

}  // namespace godwit::importers
