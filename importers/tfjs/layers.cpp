// The table of kinds of layers, the graph that they are put into, and the plain ones among them.
#include "importers/tfjs/layers.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "runtime/counted.h"
#include "runtime/error.h"

namespace godwit::importers {
namespace {

using engine::ValueId;

// Keras's own default.
constexpr double kBatchNormEpsilon = 1e-3;

std::string described(const TfjsLayer& layer) {
  return fmt::format("layer '{}' ({})", layer.name, layer.kind);
}

Tensor vector_of(std::int64_t size, float value) {
  Tensor tensor({DType::f32, {size}, Layout::nchw});
  std::ranges::fill(tensor.mutable_values<float>(), value);
  return tensor;
}

// Keras 3 writes an object that names a policy.
std::string dtype_of_input(const LayerConfig& config) {
  const Json* dtype = config.find("dtype");
  if (dtype == nullptr) return "float32";
  if (!dtype->is_object()) return text_of(*dtype, "dtype");
  const Json* policy = find_field(*dtype, "config");
  return policy == nullptr ? "float32" : LayerConfig(*policy).text("name", "float32");
}

}  // namespace

TfjsBuilder::TfjsBuilder(Topology topology, const TfjsWeights& weights, bool swap_channels)
    : topology_(std::move(topology)), weights_(weights), swap_channels_(swap_channels) {}

// THE table: what is read; importers/README.md tells the same to people.
const std::map<std::string_view, TfjsBuilder::Kind>& TfjsBuilder::kinds() {
  using B = TfjsBuilder;
  static const std::map<std::string_view, Kind> table = {
      {kAlias, {&B::alias, {}}},
      {"Activation", {&B::activation, {}}},
      {"ActivityRegularization", {&B::alias, {}}},
      {"Add", {&B::merge, {}}},
      {"AlphaDropout", {&B::alias, {}}},
      {"Average", {&B::merge, {}}},
      {"AveragePooling2D", {&B::pooling, {}}},
      {"BatchNormalization", {&B::batch_normalization, {}}},
      {"Concatenate", {&B::concatenate, {}}},
      {"Conv2D", {&B::conv, {}}},
      {"Conv2DTranspose", {&B::conv_transpose, {"ConvTranspose"}}},
      {"Cropping2D", {&B::cropping, {}}},
      {"Dense", {&B::dense, {}}},
      {"DepthwiseConv2D", {&B::depthwise_conv, {}}},
      {"Dropout", {&B::alias, {}}},
      {"ELU", {&B::elu, {"Elu"}}},
      {"Flatten", {&B::flatten, {}}},
      {"GaussianDropout", {&B::alias, {}}},
      {"GaussianNoise", {&B::alias, {}}},
      {"GlobalAveragePooling2D", {&B::global_pooling, {}}},
      {"GlobalMaxPooling2D", {&B::global_pooling, {"GlobalMaxPool"}}},
      {"InputLayer", {&B::input_layer, {}}},
      {"LeakyReLU", {&B::leaky_relu, {}}},
      {"MaxPooling2D", {&B::pooling, {}}},
      {"Maximum", {&B::merge, {"Max"}}},
      {"Minimum", {&B::merge, {"Min"}}},
      {"Multiply", {&B::merge, {}}},
      {"PReLU", {&B::prelu, {"PRelu"}}},
      {"Permute", {&B::permute, {}}},
      {"ReLU", {&B::relu, {}}},
      {"Rescaling", {&B::rescaling, {}}},
      {"Reshape", {&B::reshape, {}}},
      {"SeparableConv2D", {&B::separable_conv, {}}},
      {"Softmax", {&B::softmax, {}}},
      {"SpatialDropout2D", {&B::alias, {}}},
      {"Subtract", {&B::merge, {}}},
      {"UpSampling2D", {&B::up_sampling, {"Resize"}}},
      {"ZeroPadding2D", {&B::zero_padding, {}}},
  };
  return table;
}

// All of them at once, grouped by kind in front of the list.
void TfjsBuilder::refuse_unsupported() const {
  std::map<std::string, int> groups;
  std::string list;
  int count = 0;
  for (const TfjsLayer& layer : topology_.layers) {
    const auto kind = kinds().find(layer.kind);
    const auto absent = [](std::string_view op) { return ops::find_op(op) == nullptr; };
    if (kind != kinds().end() && std::ranges::none_of(kind->second.operators, absent)) continue;
    ++count;
    ++groups[layer.kind];
    list += fmt::format("\n  {}", described(layer));
  }
  if (count == 0) return;
  std::vector<std::string> names;
  for (const auto& [kind, number] : groups)
    names.push_back(number == 1 ? kind : fmt::format("{} x{}", kind, number));
  throw Error(fmt::format("{} {} of a kind that is not supported ({}):{}", count,
                          count == 1 ? "layer is" : "layers are", fmt::join(names, ", "), list));
}

engine::Graph TfjsBuilder::build() {
  refuse_unsupported();
  for (const TfjsLayer& layer : topology_.layers) {
    with_context([&] { return described(layer); },
                 [&] {
                   if (sources_.contains(layer.name)) throw Error("another layer has the same name");
                   sources_[layer.name] = (this->*kinds().at(layer.kind).handler)(layer);
                 });
  }
  for (const std::string& output : topology_.outputs) {
    const auto found = sources_.find(output);
    if (found == sources_.end()) throw Error(fmt::format("the output layer '{}' does not exist", output));
    if (graph_.is_output(found->second.value)) throw Error(fmt::format("'{}' is an output twice", output));
    graph_.outputs.push_back(found->second.value);
  }
  if (graph_.outputs.empty()) throw Error("the model has no outputs, expected at least one");
  if (graph_.inputs.size() == 1) graph_.value(graph_.inputs.front()).name = "input";
  if (!graph_.nodes.empty() && graph_.nodes.back().op->kind == ops::OpKind::softmax &&
      graph_.nodes.back().outputs == graph_.outputs) {
    graph_.value(graph_.outputs.front()).name = "prob";
  }
  return std::move(graph_);
}

TfjsBuilder::Source TfjsBuilder::source(const TfjsLayer& layer, std::size_t i, int rank) const {
  if (i >= layer.sources.size())
    throw Error(fmt::format("reads {}, expected more", counted(layer.sources.size(), "layer")));
  const std::string& name = layer.sources[i];
  const auto found = sources_.find(name);
  if (found == sources_.end())
    throw Error(fmt::format("reads layer '{}', which is not defined before it", name));
  const Source& src = found->second;
  if (rank != 0 && shape(src).rank() != rank)
    throw Error(fmt::format("reads '{}' of rank {}, expected rank {}", name, shape(src).rank(), rank));
  if (src.swapped && layer.kind != "Conv2D" && layer.kind != "ZeroPadding2D" && layer.kind != kAlias)
    throw Error("reads the image, whose channels only a Conv2D can take in another order");
  return src;
}

std::int64_t TfjsBuilder::channels(const Source& src) const {
  const Shape& own = shape(src);
  if (!own.ranked() || own.rank() < 2) throw Error("reads a tensor without channels");
  const std::int64_t size = own[own.rank() == 4 ? 1 : own.rank() - 1];
  if (!is_known(size)) throw Error("reads a tensor whose last axis has no known size");
  return size;
}

std::int64_t TfjsBuilder::axis_of(std::int64_t keras, int rank) {
  const std::int64_t axis = keras < 0 ? keras + rank : keras;
  if (axis < 0 || axis >= rank)
    throw Error(fmt::format("'axis' is {}, expected one of {} dimensions", keras, rank));
  if (rank != 4 || axis == 0) return axis;
  return axis == 3 ? 1 : axis + 1;
}

ValueId TfjsBuilder::constant(const std::string& name, Tensor tensor) {
  return graph_.add_constant(name, std::move(tensor));
}

ValueId TfjsBuilder::scalar(const std::string& name, double value) {
  return constant(name, Tensor::of<float>({}, {static_cast<float>(value)}));
}

// Shapes are inferred at once: later layers ask for them.
ValueId TfjsBuilder::append(const char* op, const std::string& name, std::vector<ValueId> inputs,
                            ops::Attributes attributes) {
  engine::Node node;
  node.name = name;
  node.op = ops::find_op(op);
  if (node.op == nullptr)
    throw Error(fmt::format("needs operator {}, which is not in this build", op), ErrorKind::missing);
  node.attributes = std::move(attributes);
  node.inputs = std::move(inputs);
  node.origins = {name};
  const ValueId result = graph_.add_value(name, {DType::f32, Shape::unranked(), Layout::nchw});
  node.outputs = {result};
  const engine::NodeContext context(graph_, node);
  ops::NodeView view = context.view();
  view.outputs = {};
  graph_.value(result).desc.shape = ops::infer(*node.op, view).front().shape;
  graph_.nodes.push_back(std::move(node));
  return result;
}

TfjsBuilder::Source TfjsBuilder::alias(const TfjsLayer& layer) { return source(layer, 0, 0); }

TfjsBuilder::Source TfjsBuilder::input_layer(const TfjsLayer& layer) {
  const LayerConfig config(*layer.config);
  const Json* sizes = config.find("batch_input_shape");
  if (sizes == nullptr) sizes = config.find("batch_shape");
  if (sizes == nullptr) sizes = config.find("build_input_shape");
  if (sizes == nullptr) throw Error("has neither 'batch_input_shape' nor 'batch_shape'");
  const Shape nhwc = shape_from_json(*sizes);
  if (nhwc.rank() != 4 || !is_known(nhwc[3])) {
    throw Error(fmt::format("has shape {}, expected batch, height, width and a number of channels",
                            nhwc.to_string()));
  }
  const std::string dtype = dtype_of_input(config);
  if (dtype != "float32" && dtype != "mixed_float16" && dtype != "mixed_bfloat16")
    throw Error(fmt::format("is of type {}, expected float32", dtype));
  const std::int64_t batch = is_known(nhwc[0]) ? nhwc[0] : graph_.symbol("N");
  Source result;
  result.value = graph_.add_value(layer.name, {DType::f32, {batch, nhwc[3], nhwc[1], nhwc[2]}, Layout::nchw});
  result.swapped = swap_channels_;
  if (result.swapped && nhwc[3] != 3)
    throw Error(fmt::format("has {}, expected 3", counted(nhwc[3], "channel")));
  graph_.inputs.push_back(result.value);
  return result;
}

TfjsBuilder::Source TfjsBuilder::batch_normalization(const TfjsLayer& layer) {
  Source src = source(layer, 0, 0);
  const LayerConfig config(*layer.config);
  const int rank = shape(src).rank();
  if (const Json* axes = config.find("axis")) {
    const Json& axis = axes->is_array() && axes->size() == 1 ? axes->front() : *axes;
    if (!axis.is_number_integer() || (axis != rank - 1 && axis != -1))
      throw Error(fmt::format("'axis' is {}, expected the last one", shown(*axes)));
  }
  if (rank == 3) throw Error("reads a sequence, which is not supported");
  const Shape size{channels(src)};
  const auto weight = [&](const char* name, const char* setting, float otherwise) {
    const bool present = setting == nullptr || config.flag(setting, true);
    return constant(layer.name + "/" + name, present ? weights_.read(layer.weights + "/" + name, size)
                                                     : vector_of(size[0], otherwise));
  };
  const std::vector<ValueId> inputs = {src.value, weight("gamma", "scale", 1), weight("beta", "center", 0),
                                       weight("moving_mean", nullptr, 0),
                                       weight("moving_variance", nullptr, 1)};
  ops::Attributes attributes;
  attributes.set("epsilon", static_cast<float>(config.number("epsilon", kBatchNormEpsilon)));
  src.value = append("BatchNormalization", layer.name, inputs, std::move(attributes));
  return src;
}

TfjsBuilder::Source TfjsBuilder::rescaling(const TfjsLayer& layer) {
  Source src = source(layer, 0, 0);
  const LayerConfig config(*layer.config);
  const double scale = config.number("scale", 1), offset = config.number("offset", 0);
  src.value = append("Mul", layer.name, {src.value, scalar(layer.name + "/scale", scale)});
  if (offset != 0) {
    src.value = append("Add", layer.name + "_offset", {src.value, scalar(layer.name + "/offset", offset)});
  }
  return src;
}

// Operands of rank 2 stand beside images as images of one pixel.
TfjsBuilder::Source TfjsBuilder::merge(const TfjsLayer& layer) {
  static const std::map<std::string_view, const char*> kOps = {
      {"Add", "Add"},     {"Average", "Add"},  {"Maximum", "Max"},
      {"Minimum", "Min"}, {"Multiply", "Mul"}, {"Subtract", "Sub"},
  };
  const std::size_t count = layer.sources.size();
  if (count < 2) throw Error(fmt::format("reads {}, expected at least 2", counted(count, "layer")));
  if (layer.kind == "Subtract" && count != 2)
    throw Error(fmt::format("reads {}, expected 2", counted(count, "layer")));
  int rank = 0;
  for (std::size_t i = 0; i < count; ++i) rank = std::max(rank, shape(source(layer, i, 0)).rank());
  const auto operand = [&](std::size_t i) {
    const Source src = source(layer, i, 0);
    if (shape(src).rank() == rank) return src.value;
    if (shape(src).rank() != 2 || rank != 4)
      throw Error(
          fmt::format("reads '{}' of rank {}, expected rank {}", layer.sources[i], shape(src).rank(), rank));
    return append("Unsqueeze", fmt::format("{}_pixel_{}", layer.name, i),
                  {src.value, constant(fmt::format("{}/axes_{}", layer.name, i),
                                       Tensor::of<std::int64_t>({2}, {2, 3}))});
  };
  Source sum;
  sum.value = operand(0);
  for (std::size_t i = 1; i < count; ++i) {
    const bool last = i + 1 == count && layer.kind != "Average";
    const std::string name = last ? layer.name : fmt::format("{}_{}", layer.name, i);
    sum.value = append(kOps.at(layer.kind), name, {sum.value, operand(i)});
  }
  if (layer.kind == "Average") {
    sum.value = append("Mul", layer.name,
                       {sum.value, scalar(layer.name + "/share", 1.0 / static_cast<double>(count))});
  }
  return sum;
}

TfjsBuilder::Source TfjsBuilder::concatenate(const TfjsLayer& layer) {
  Source result = source(layer, 0, 0);
  const int rank = shape(result).rank();
  if (layer.sources.size() == 1) return result;
  std::vector<ValueId> inputs;
  for (std::size_t i = 0; i < layer.sources.size(); ++i) inputs.push_back(source(layer, i, rank).value);
  ops::Attributes attributes;
  attributes.set("axis", axis_of(LayerConfig(*layer.config).integer("axis", -1), rank));
  result.value = append("Concat", layer.name, std::move(inputs), std::move(attributes));
  return result;
}

// A product over Keras's last axis, whatever stands in front of it.
TfjsBuilder::Source TfjsBuilder::dense(const TfjsLayer& layer) {
  Source src = source(layer, 0, 0);
  const LayerConfig config(*layer.config);
  const std::int64_t units = config.positive("units"), inputs = channels(src);
  const int rank = shape(src).rank();
  Tensor kernel = weights_.read(layer.weights + "/kernel", {inputs, units});
  if (rank == 2) {
    std::vector<ValueId> operands = {src.value, constant(layer.name + "/kernel", std::move(kernel))};
    add_bias(layer, units, operands);
    src.value = append("Gemm", layer.name, std::move(operands));
    return activated(layer, src);
  }
  const ValueId rows = to_keras(src.value, layer.name + "_nhwc");
  const bool has_bias = config.flag("use_bias", true);
  ValueId product = append("MatMul", has_bias ? layer.name + "_product" : layer.name,
                           {rows, constant(layer.name + "/kernel", std::move(kernel))});
  if (has_bias) {
    std::vector<ValueId> operands = {product};
    add_bias(layer, units, operands);
    product = append("Add", layer.name, std::move(operands));
  }
  src.value = from_keras(product, layer.name + "_nchw");
  return activated(layer, src);
}

void TfjsBuilder::add_bias(const TfjsLayer& layer, std::int64_t size, std::vector<ValueId>& operands) {
  if (!LayerConfig(*layer.config).flag("use_bias", true)) return;
  operands.push_back(constant(layer.name + "/bias", weights_.read(layer.weights + "/bias", {size})));
}

}  // namespace godwit::importers
