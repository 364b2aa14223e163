// Activations, as layers of their own or as settings of others; Keras 2 and 3 differ in one of them.
#include <array>
#include <fmt/format.h>
#include <limits>
#include <nlohmann/json.hpp>

#include "importers/tfjs/layers.h"
#include "runtime/error.h"

namespace godwit::importers {
namespace {

using engine::ValueId;

// Keras's defaults.
constexpr double kLeakySlope = 0.3, kLeakyFunctionSlope = 0.2;

constexpr double kNone = std::numeric_limits<double>::infinity();

// Functions that one operator without attributes computes; some are not in every build.
struct Function {
  std::string_view name;
  const char* op;
};
constexpr std::array kFunctions = {
    Function{"elu", "Elu"},
    Function{"exponential", "Exp"},
    Function{"hard_silu", "HardSwish"},
    Function{"hard_swish", "HardSwish"},
    Function{"mish", "Mish"},
    Function{"relu", "Relu"},
    Function{"selu", "Selu"},
    Function{"sigmoid", "Sigmoid"},
    Function{"softplus", "Softplus"},
    Function{"softsign", "Softsign"},
    Function{"tanh", "Tanh"},
};

ops::Attributes alpha(double value) {
  ops::Attributes attributes;
  attributes.set("alpha", static_cast<float>(value));
  return attributes;
}

// "relu", or an object that names a function or a layer.
std::string function_name(const Json& value) {
  if (value.is_object()) {
    const std::string kind = text_of(field(value, "class_name"), "class_name");
    const Json* config = find_field(value, "config");
    if (kind == "function" && config != nullptr) return text_of(*config, "activation");
    throw Error(fmt::format("'activation' is an object of class '{}', which is not supported", kind));
  }
  return text_of(value, "activation");
}

}  // namespace

TfjsBuilder::Source TfjsBuilder::activated(const TfjsLayer& layer, Source src) {
  const Json* value = LayerConfig(*layer.config).find("activation");
  if (value == nullptr) return src;
  const std::string function = function_name(*value);
  return activate(layer, std::move(src), function, layer.name + "_" + function);
}

TfjsBuilder::Source TfjsBuilder::activation(const TfjsLayer& layer) {
  const std::string function = function_name(LayerConfig(*layer.config).at("activation"));
  return activate(layer, source(layer, 0, 0), function, layer.name);
}

TfjsBuilder::Source TfjsBuilder::activate(const TfjsLayer& layer, Source src, const std::string& function,
                                          const std::string& name) {
  constexpr double kSix = 6;
  if (function == "linear") return src;
  if (function == "relu6") return clipped(src, name, 0, kSix);
  if (function == "softmax") {
    ops::Attributes attributes;
    attributes.set("axis", axis_of(-1, shape(src).rank()));
    src.value = append("Softmax", name, {src.value}, std::move(attributes));
    return src;
  }
  if (function == "leaky_relu") {
    src.value = append("LeakyRelu", name, {src.value}, alpha(kLeakyFunctionSlope));
    return src;
  }
  if (function == "hard_sigmoid") {
    ops::Attributes attributes = alpha(topology_.keras >= 3 ? 1.0 / kSix : 0.2);
    attributes.set("beta", 0.5F);
    src.value = append("HardSigmoid", name, {src.value}, std::move(attributes));
    return src;
  }
  if (function == "swish" || function == "silu") {
    const ValueId gate = append("Sigmoid", name + "_gate", {src.value});
    src.value = append("Mul", name, {src.value, gate});
    return src;
  }
  for (const Function& known : kFunctions) {
    if (known.name != function || ops::find_op(known.op) == nullptr) continue;
    src.value = append(known.op, name, {src.value});
    return src;
  }
  std::string names = "'linear', 'relu6', 'softmax', 'leaky_relu', 'hard_sigmoid', 'swish', 'silu'";
  for (const Function& known : kFunctions) {
    if (ops::find_op(known.op) != nullptr) names += fmt::format(", '{}'", known.name);
  }
  throw Error(fmt::format("{}activation '{}' is not supported, expected one of {}",
                          layer.kind == "Activation" ? "its " : "", function, names));
}

TfjsBuilder::Source TfjsBuilder::clipped(const Source& src, const std::string& name, double lowest,
                                         double highest) {
  Source result = src;
  const auto bound = [&](const char* side, double value) {
    return std::abs(value) == kNone ? engine::kNoValue : scalar(name + "/" + side, value);
  };
  std::vector<ValueId> operands = {src.value, bound("min", lowest), bound("max", highest)};
  while (operands.back() == engine::kNoValue) operands.pop_back();
  result.value = append("Clip", name, std::move(operands));
  return result;
}

TfjsBuilder::Source TfjsBuilder::relu(const TfjsLayer& layer) {
  const Source src = source(layer, 0, 0);
  const LayerConfig config(*layer.config);
  const double slope = config.number("negative_slope", 0), highest = config.number("max_value", kNone);
  if (config.number("threshold", 0) != 0)
    throw Error(fmt::format("'threshold' is {}, expected 0", config.number("threshold", 0)));
  if (highest < 0) throw Error(fmt::format("'max_value' is {}, expected at least 0", highest));
  Source result;
  if (slope == 0 && highest != kNone) return clipped(src, layer.name, 0, highest);
  if (slope == 0) {
    result.value = append("Relu", layer.name, {src.value});
    return result;
  }
  const std::string name = highest == kNone ? layer.name : layer.name + "_leaky";
  result.value = append("LeakyRelu", name, {src.value}, alpha(slope));
  return highest == kNone ? result : clipped(result, layer.name, -kNone, highest);
}

TfjsBuilder::Source TfjsBuilder::leaky_relu(const TfjsLayer& layer) {
  Source src = source(layer, 0, 0);
  const LayerConfig config(*layer.config);
  const double slope = config.number("alpha", config.number("negative_slope", kLeakySlope));
  src.value = append("LeakyRelu", layer.name, {src.value}, alpha(slope));
  return src;
}

// A slope for each element or, along shared axes, one for all of them.
TfjsBuilder::Source TfjsBuilder::prelu(const TfjsLayer& layer) {
  Source src = source(layer, 0, 0);
  const Shape& own = shape(src);
  const LayerConfig config(*layer.config);
  Shape keras;  // without the batch
  if (own.rank() == 4) keras = {own[2], own[3], own[1]};
  for (int axis = 1; own.rank() != 4 && axis < own.rank(); ++axis) keras.append(own[axis]);
  if (const Json* shared = config.find("shared_axes")) {
    for (const Json& axis : shared->is_array() ? *shared : Json::array({*shared})) {
      const std::int64_t place = positive_of(axis, "shared_axes");
      if (place > keras.rank())
        throw Error(fmt::format("'shared_axes' is {}, expected axes up to {}", shown(*shared), keras.rank()));
      keras[static_cast<int>(place) - 1] = 1;
    }
  }
  if (!keras.known()) throw Error("has slopes for an image of unknown size");
  Tensor slopes = weights_.read(layer.weights + "/alpha", keras);
  if (own.rank() == 4) {
    Tensor moved({DType::f32, {keras[2], keras[0], keras[1]}, Layout::nchw});
    const auto from = slopes.values<float>();
    const auto to = moved.mutable_values<float>();
    const auto pixels = static_cast<std::size_t>(keras[0] * keras[1]),
               depth = static_cast<std::size_t>(keras[2]);
    for (std::size_t i = 0; i < from.size(); ++i) to[i % depth * pixels + i / depth] = from[i];
    slopes = std::move(moved);
  }
  src.value = append("PRelu", layer.name, {src.value, constant(layer.name + "/alpha", std::move(slopes))});
  return src;
}

TfjsBuilder::Source TfjsBuilder::elu(const TfjsLayer& layer) {
  Source src = source(layer, 0, 0);
  src.value = append("Elu", layer.name, {src.value}, alpha(LayerConfig(*layer.config).number("alpha", 1)));
  return src;
}

TfjsBuilder::Source TfjsBuilder::softmax(const TfjsLayer& layer) {
  Source src = source(layer, 0, 0);
  ops::Attributes attributes;
  attributes.set("axis", axis_of(LayerConfig(*layer.config).integer("axis", -1), shape(src).rank()));
  src.value = append("Softmax", layer.name, {src.value}, std::move(attributes));
  return src;
}

}  // namespace godwit::importers
