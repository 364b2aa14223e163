// Each kind of Keras layer in ONNX's terms. Keras is channels last; here axis 1 is the channels.
#include "importers/tfjs/layers.h"

#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "runtime/error.h"

namespace godwit::importers {
namespace {

using engine::ValueId;
using nlohmann::json;

std::string described(const TfjsLayer& layer) {
  return fmt::format("layer '{}' ({})", layer.name, layer.kind);
}

std::int64_t positive(const json& number, const char* what) {
  if (!number.is_number_integer() || number.get<std::int64_t>() < 1 ||
      number.get<std::int64_t>() > INT32_MAX) {
    throw Error(fmt::format("'{}' has value {}, expected a positive integer", what, number.dump()));
  }
  return number.get<std::int64_t>();
}

// Height and width, given as a list of two or as one number for both.
std::vector<std::int64_t> pair_of(const json& config, const char* key) {
  const json& value = config.at(key);
  if (value.is_number()) return {positive(value, key), positive(value, key)};
  if (!value.is_array() || value.size() != 2)
    throw Error(fmt::format("'{}' is {}, expected two integers", key, value.dump()));
  return {positive(value[0], key), positive(value[1], key)};
}

void require_channels_last(const json& config) {
  const std::string format = config.value("data_format", "channels_last");
  if (format != "channels_last")
    throw Error(fmt::format("'data_format' is '{}', expected 'channels_last'", format));
}

// True where the borders are padded ("same"); anything but "same" and "valid" is an error.
bool pads_same(const json& config) {
  const auto padding = config.at("padding").get<std::string>();
  if (padding != "same" && padding != "valid") {
    throw Error(fmt::format("'padding' is '{}', expected 'same' or 'valid'", padding));
  }
  return padding == "same";
}

Tensor vector_of(std::int64_t size, float value) {
  Tensor tensor({DType::f32, {size}, Layout::nchw});
  std::ranges::fill(tensor.mutable_values<float>(), value);
  return tensor;
}

}  // namespace

TfjsBuilder::TfjsBuilder(std::vector<TfjsLayer> layers, const TfjsWeights& weights, bool swap_channels)
    : layers_(std::move(layers)), weights_(weights), swap_channels_(swap_channels) {}

const std::map<std::string, TfjsBuilder::Handler>& TfjsBuilder::handlers() {
  static const std::map<std::string, Handler> table = {
      {"Activation", &TfjsBuilder::activation},
      {"Add", &TfjsBuilder::add},
      {"BatchNormalization", &TfjsBuilder::batch_normalization},
      {"Conv2D", &TfjsBuilder::conv},
      {"Dense", &TfjsBuilder::dense},
      {"GlobalAveragePooling2D", &TfjsBuilder::global_average_pooling},
      {"InputLayer", &TfjsBuilder::input_layer},
      {"MaxPooling2D", &TfjsBuilder::max_pooling},
      {"ZeroPadding2D", &TfjsBuilder::zero_padding},
  };
  return table;
}

engine::Graph TfjsBuilder::build(const std::string& output) {
  std::string unsupported;
  int count = 0;
  for (const TfjsLayer& layer : layers_) {
    if (handlers().contains(layer.kind)) continue;
    ++count;
    unsupported += fmt::format("\n  {}", described(layer));
  }
  if (count > 0) {
    throw Error(fmt::format("{} {} of a kind that is not supported:{}", count,
                            count == 1 ? "layer is" : "layers are", unsupported));
  }

  output_ = output;
  for (const TfjsLayer& layer : layers_) {
    with_context([&] { return described(layer); },
                 [&] {
                   if (sources_.contains(layer.name)) throw Error("another layer has the same name");
                   sources_[layer.name] = (this->*handlers().at(layer.kind))(layer);
                 });
  }
  const auto last = sources_.find(output);
  if (last == sources_.end()) throw Error(fmt::format("the output layer '{}' does not exist", output));
  graph_.outputs = {last->second.value};
  engine::Value& result = graph_.value(last->second.value);
  if (!graph_.nodes.empty() && graph_.nodes.back().op->kind == ops::OpKind::softmax &&
      graph_.nodes.back().outputs.front() == last->second.value) {
    result.name = "prob";
  }
  return std::move(graph_);
}

TfjsBuilder::Source TfjsBuilder::source(const TfjsLayer& layer, std::size_t i, int rank) const {
  if (i >= layer.sources.size())
    throw Error(fmt::format("reads {} layers, expected more", layer.sources.size()));
  const std::string& name = layer.sources[i];
  const auto found = sources_.find(name);
  if (found == sources_.end())
    throw Error(fmt::format("reads layer '{}', which is not defined before it", name));
  const Source& src = found->second;
  if (rank != 0 && src.rank != rank) {
    throw Error(fmt::format("reads '{}' of rank {}, expected rank {}", name, src.rank, rank));
  }
  if (src.swapped && layer.kind != "Conv2D" && layer.kind != "ZeroPadding2D") {
    throw Error("reads the image, whose channels only a Conv2D can take in another order");
  }
  return src;
}

ValueId TfjsBuilder::constant(const std::string& name, Tensor tensor) {
  return graph_.add_constant(name, std::move(tensor));
}

ValueId TfjsBuilder::append(const char* op, const std::string& name, std::vector<ValueId> inputs,
                            ops::Attributes attributes) {
  engine::Node node;
  node.name = name;
  node.op = ops::find_op(op);
  if (node.op == nullptr)
    throw Error(fmt::format("operator {} is not in this build", op), ErrorKind::missing);
  node.attributes = std::move(attributes);
  node.inputs = std::move(inputs);
  node.outputs = {graph_.add_value(name, {DType::f32, Shape::unranked(), Layout::nchw})};
  node.origins = {name};
  graph_.nodes.push_back(std::move(node));
  return graph_.nodes.back().outputs.front();
}

TfjsBuilder::Source TfjsBuilder::activate(const TfjsLayer& layer, Source src, const std::string& function,
                                          bool own_name) {
  if (function == "linear") return src;
  const std::string name = own_name ? layer.name + "_" + function : layer.name;
  if (function == "relu") {
    src.value = append("Relu", name, {src.value});
  } else if (function == "softmax") {
    ops::Attributes attributes;
    attributes.set("axis", std::int64_t{1});
    src.value = append("Softmax", name, {src.value}, attributes);
  } else {
    throw Error(
        fmt::format("activation '{}' is not supported, expected 'linear', 'relu' or 'softmax'", function));
  }
  return src;
}

TfjsBuilder::Source TfjsBuilder::input_layer(const TfjsLayer& layer) {
  if (!graph_.inputs.empty()) throw Error("is a second input, expected one");
  const Shape nhwc = shape_from_json(layer.config->at("batch_input_shape"));
  if (nhwc.rank() != 4 || !is_known(nhwc[3])) {
    throw Error(fmt::format("has shape {}, expected batch, height, width and a number of channels",
                            nhwc.to_string()));
  }
  const std::string dtype = layer.config->value("dtype", "float32");
  if (dtype != "float32") throw Error(fmt::format("is of type {}, expected float32", dtype));
  const std::int64_t batch = is_known(nhwc[0]) ? nhwc[0] : graph_.symbol("N");
  Source result;
  result.value = graph_.add_value("input", {DType::f32, {batch, nhwc[3], nhwc[1], nhwc[2]}, Layout::nchw});
  result.rank = 4;
  result.channels = nhwc[3];
  result.swapped = swap_channels_;
  if (result.swapped && result.channels != 3)
    throw Error(fmt::format("has {} channels, expected 3", result.channels));
  graph_.inputs = {result.value};
  return result;
}

bool TfjsBuilder::only_feeds_convs(const std::string& name) const {
  return name != output_ && std::ranges::all_of(layers_, [&](const TfjsLayer& layer) {
           if (std::ranges::find(layer.sources, name) == layer.sources.end()) return true;
           return layer.kind == "Conv2D" && !pads_same(*layer.config);
         });
}

TfjsBuilder::Source TfjsBuilder::zero_padding(const TfjsLayer& layer) {
  Source src = source(layer, 0, 4);
  require_channels_last(*layer.config);
  const json& padding = layer.config->at("padding");
  std::vector<std::int64_t> sizes;  // top, bottom, left, right
  for (const json& side : padding.flatten()) {
    if (!side.is_number_integer() || side.get<std::int64_t>() < 0 || side.get<std::int64_t>() > INT32_MAX) {
      throw Error(fmt::format("'padding' is {}, expected four integers of at least 0", padding.dump()));
    }
    sizes.push_back(side.get<std::int64_t>());
  }
  if (sizes.size() != 4)
    throw Error(fmt::format("'padding' is {}, expected two pairs of integers", padding.dump()));
  const std::vector<std::int64_t> pads = {sizes[0], sizes[2], sizes[1], sizes[3]};
  if (only_feeds_convs(layer.name) && src.pads == std::vector<std::int64_t>(4, 0)) {
    src.pads = pads;
    return src;
  }
  if (src.swapped) throw Error("reads the image and is not read by convolutions alone");
  const ValueId list = constant(
      layer.name + "/pads", Tensor::of<std::int64_t>({8}, {0, 0, pads[0], pads[1], 0, 0, pads[2], pads[3]}));
  src.value = append("Pad", layer.name, {src.value, list});
  return src;
}

// Keras keeps (KH, KW, IC, OC); ONNX wants (OC, IC, KH, KW).
Tensor TfjsBuilder::conv_weights(const TfjsLayer& layer, const Shape& hwio, bool swapped) const {
  const Tensor src = weights_.read(layer.name + "/kernel", hwio);
  const std::int64_t taps = hwio[0] * hwio[1], ic = hwio[2], oc = hwio[3];
  Tensor dst({DType::f32, {oc, ic, hwio[0], hwio[1]}, Layout::nchw});
  const float* from = src.values<float>().data();
  float* to = dst.mutable_values<float>().data();
  for (std::int64_t o = 0; o < oc; ++o) {
    for (std::int64_t i = 0; i < ic; ++i) {
      const std::int64_t channel = swapped ? ic - 1 - i : i;
      for (std::int64_t t = 0; t < taps; ++t) *to++ = from[(t * ic + channel) * oc + o];
    }
  }
  return dst;
}

TfjsBuilder::Source TfjsBuilder::conv(const TfjsLayer& layer) {
  Source src = source(layer, 0, 4);
  const json& config = *layer.config;
  require_channels_last(config);
  if (config.value("groups", 1) != 1) throw Error("has groups, which are not supported here");
  const std::int64_t filters = positive(config.at("filters"), "filters");
  const std::vector<std::int64_t> kernel = pair_of(config, "kernel_size");
  const std::vector<std::int64_t> strides = pair_of(config, "strides");
  const std::vector<std::int64_t> dilations =
      config.contains("dilation_rate") ? pair_of(config, "dilation_rate") : std::vector<std::int64_t>{1, 1};

  ops::Attributes attributes;
  attributes.set("kernel_shape", kernel);
  attributes.set("strides", strides);
  attributes.set("dilations", dilations);
  attributes.set("group", std::int64_t{1});
  if (!pads_same(config)) {
    attributes.set("pads", src.pads);
  } else if (strides == std::vector<std::int64_t>{1, 1}) {
    const std::int64_t h = (kernel[0] - 1) * dilations[0], w = (kernel[1] - 1) * dilations[1];
    attributes.set("pads", std::vector<std::int64_t>{h / 2, w / 2, h - h / 2, w - w / 2});
  } else {
    attributes.set("auto_pad", std::string("SAME_UPPER"));
  }

  const Shape hwio{kernel[0], kernel[1], src.channels, filters};
  std::vector<ValueId> inputs = {src.value,
                                 constant(layer.name + "/kernel", conv_weights(layer, hwio, src.swapped))};
  if (config.at("use_bias").get<bool>()) {
    inputs.push_back(constant(layer.name + "/bias", weights_.read(layer.name + "/bias", {filters})));
  }
  Source result;
  result.value = append("Conv", layer.name, std::move(inputs), std::move(attributes));
  result.rank = 4;
  result.channels = filters;
  return activate(layer, result, config.value("activation", "linear"), true);
}

TfjsBuilder::Source TfjsBuilder::batch_normalization(const TfjsLayer& layer) {
  Source src = source(layer, 0, 0);
  const json& config = *layer.config;
  const json& axes = config.at("axis");
  const json& axis = axes.is_array() && axes.size() == 1 ? axes[0] : axes;
  if (!axis.is_number_integer() || (axis != src.rank - 1 && axis != -1)) {
    throw Error(fmt::format("'axis' is {}, expected the last one", axes.dump()));
  }
  const Shape shape{src.channels};
  const auto weight = [&](const char* name, const char* flag, float otherwise) {
    const std::string full = layer.name + "/" + name;
    const bool present = flag == nullptr || config.value(flag, true);
    return constant(full, present ? weights_.read(full, shape) : vector_of(src.channels, otherwise));
  };
  const std::vector<ValueId> inputs = {src.value, weight("gamma", "scale", 1), weight("beta", "center", 0),
                                       weight("moving_mean", nullptr, 0),
                                       weight("moving_variance", nullptr, 1)};
  ops::Attributes attributes;
  attributes.set("epsilon", config.at("epsilon").get<float>());
  src.value = append("BatchNormalization", layer.name, inputs, std::move(attributes));
  return src;
}

TfjsBuilder::Source TfjsBuilder::activation(const TfjsLayer& layer) {
  return activate(layer, source(layer, 0, 0), layer.config->at("activation").get<std::string>(), false);
}

TfjsBuilder::Source TfjsBuilder::add(const TfjsLayer& layer) {
  if (layer.sources.size() < 2) throw Error("adds fewer than two layers");
  Source sum = source(layer, 0, 0);
  for (std::size_t i = 1; i < layer.sources.size(); ++i) {
    const Source term = source(layer, i, sum.rank);
    if (term.channels != sum.channels) {
      throw Error(fmt::format("adds {} channels to {}", term.channels, sum.channels));
    }
    const bool last = i + 1 == layer.sources.size();
    sum.value =
        append("Add", last ? layer.name : fmt::format("{}_{}", layer.name, i), {sum.value, term.value});
  }
  return sum;
}

TfjsBuilder::Source TfjsBuilder::max_pooling(const TfjsLayer& layer) {
  Source src = source(layer, 0, 4);
  const json& config = *layer.config;
  require_channels_last(config);
  ops::Attributes attributes;
  attributes.set("kernel_shape", pair_of(config, "pool_size"));
  const bool own_strides = config.contains("strides") && !config.at("strides").is_null();
  attributes.set("strides", pair_of(config, own_strides ? "strides" : "pool_size"));
  if (pads_same(config)) attributes.set("auto_pad", std::string("SAME_UPPER"));
  src.value = append("MaxPool", layer.name, {src.value}, std::move(attributes));
  return src;
}

TfjsBuilder::Source TfjsBuilder::global_average_pooling(const TfjsLayer& layer) {
  Source src = source(layer, 0, 4);
  require_channels_last(*layer.config);
  src.value = append("GlobalAveragePool", layer.name, {src.value});
  if (layer.config->value("keepdims", false)) return src;
  src.value = append("Flatten", layer.name + "_flatten", {src.value});
  src.rank = 2;
  return src;
}

TfjsBuilder::Source TfjsBuilder::dense(const TfjsLayer& layer) {
  Source src = source(layer, 0, 2);
  const json& config = *layer.config;
  const std::int64_t units = positive(config.at("units"), "units");
  std::vector<ValueId> inputs = {
      src.value,
      constant(layer.name + "/kernel", weights_.read(layer.name + "/kernel", {src.channels, units}))};
  if (config.at("use_bias").get<bool>()) {
    inputs.push_back(constant(layer.name + "/bias", weights_.read(layer.name + "/bias", {units})));
  }
  src.value = append("Gemm", layer.name, std::move(inputs));
  src.channels = units;
  return activate(layer, src, config.value("activation", "linear"), true);
}

}  // namespace godwit::importers
