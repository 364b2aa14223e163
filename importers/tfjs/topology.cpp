// Functional models name what each layer reads, in two ways; sequential ones leave it to the order.
#include "importers/tfjs/topology.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <utility>

#include "runtime/counted.h"
#include "runtime/error.h"

namespace godwit::importers {
namespace {

// Models inside models; more than anybody nests.
constexpr int kMaxDepth = 8;

constexpr std::array<std::pair<std::string_view, std::string_view>, 11> kOtherNames = {{
    {"AvgPool2D", "AveragePooling2D"},
    {"Convolution2D", "Conv2D"},
    {"Convolution2DTranspose", "Conv2DTranspose"},
    {"DepthwiseConvolution2D", "DepthwiseConv2D"},
    {"GlobalAvgPool2D", "GlobalAveragePooling2D"},
    {"GlobalMaxPool2D", "GlobalMaxPooling2D"},
    {"MaxPool2D", "MaxPooling2D"},
    {"Rescale", "Rescaling"},
    {"SeparableConvolution2D", "SeparableConv2D"},
    {"Deconvolution2D", "Conv2DTranspose"},
    {"Deconv2D", "Conv2DTranspose"},
}};

std::string one_name(std::string kind) {
  const auto* found = std::ranges::find(kOtherNames, kind, [](const auto& pair) { return pair.first; });
  return found == kOtherNames.end() ? kind : std::string(found->second);
}

bool is_model(std::string_view kind) {
  return kind == "Model" || kind == "Functional" || kind == "Sequential";
}

// Names of Keras 2's [[name, node, tensor, arguments], …].
void read_calls(const Json& call, std::vector<std::string>& sources) {
  if (!call.is_array()) throw Error(fmt::format("'inbound_nodes' has {}, expected a list", shown(call)));
  for (const Json& source : call) {
    if (!source.is_array() || source.size() < 3)
      throw Error(fmt::format("'inbound_nodes' has {}, expected [layer, call, output]", shown(source)));
    if (source[1] != 0 || source[2] != 0)
      throw Error("reads a further call or output of a layer, which is not supported");
    sources.push_back(text_of(source[0], "inbound_nodes"));
  }
}

// Names of Keras 3's {"args": …}, in which each tensor tells its history.
void read_tensors(const Json& value, std::vector<std::string>& sources) {
  if (value.is_array()) {
    for (const Json& each : value) read_tensors(each, sources);
  } else if (value.is_object()) {
    const Json* config = find_field(value, "config");
    const Json* history =
        config != nullptr && config->is_object() ? find_field(*config, "keras_history") : nullptr;
    if (history == nullptr) return;
    read_calls(Json::array({*history}), sources);
  }
}

std::vector<std::string> read_sources(const Json& entry) {
  const Json& calls = list_field(entry, "inbound_nodes");
  if (calls.size() > 1) throw Error(fmt::format("is called {} times, expected once", calls.size()));
  std::vector<std::string> sources;
  for (const Json& call : calls) {
    if (!call.is_object()) {
      read_calls(call, sources);
      continue;
    }
    read_tensors(field(call, "args"), sources);
    if (const Json* named = find_field(call, "kwargs"); named != nullptr && named->is_object()) {
      for (const Json& value : *named) read_tensors(value, sources);
    }
  }
  return sources;
}

// [[name, 0, 0], …], or in Keras 3 one [name, 0, 0].
std::vector<std::string> names_of(const Json& config, std::string_view key) {
  const Json& list = list_field(config, key);
  if (!list.empty() && list[0].is_string()) return {text_of(list[0], key)};
  std::vector<std::string> names;
  for (const Json& entry : list) {
    if (!entry.is_array() || entry.empty())
      throw Error(fmt::format("'{}' has {}, expected [layer, call, output]", key, shown(entry)));
    names.push_back(text_of(entry[0], key));
  }
  return names;
}

class Reader {
 public:
  explicit Reader(std::vector<TfjsLayer>& layers) : layers_(layers) {}

  // Appends a model's layers under `prefix`. `sources` stand for its inputs; none: they are the graph's.
  // Returns the names of its outputs.
  std::vector<std::string> read(const std::string& kind, const Json& config, const std::string& prefix,
                                const std::vector<std::string>& sources, int depth) {
    if (depth > kMaxDepth) throw Error(fmt::format("has models inside models, more than {} deep", kMaxDepth));
    return kind == "Sequential" ? read_sequential(config, prefix, sources, depth)
                                : read_functional(config, prefix, sources, depth);
  }

 private:
  static std::string name_of(const Json& entry) {
    const Json& config = field(entry, "config");
    const Json* name = config.is_object() ? find_field(config, "name") : nullptr;
    return text_of(name != nullptr ? *name : field(entry, "name"), "name");
  }

  // A layer, or the layers of a model in its place.
  void add(const Json& entry, const std::string& prefix, std::vector<std::string> sources, int depth) {
    const std::string own = name_of(entry);
    std::string kind = one_name(text_of(field(entry, "class_name"), "class_name"));
    const Json& config = field(entry, "config");
    if (!is_model(kind)) {
      layers_.push_back({prefix + own, own, std::move(kind), &config, std::move(sources)});
      return;
    }
    const std::vector<std::string> outputs = read(kind, config, prefix + own + "/", sources, depth + 1);
    if (outputs.size() != 1)
      throw Error(fmt::format("model '{}' has {}, expected one", own, counted(outputs.size(), "output")));
    layers_.push_back({prefix + own, own, std::string(kAlias), &config, outputs});
  }

  std::vector<std::string> read_functional(const Json& config, const std::string& prefix,
                                           const std::vector<std::string>& sources, int depth) {
    std::vector<std::string> inputs;
    if (!sources.empty()) {
      inputs = names_of(config, "input_layers");
      if (inputs.size() != sources.size())
        throw Error(fmt::format("model '{}' has {} and reads {}", prefix, counted(inputs.size(), "input"),
                                counted(sources.size(), "layer")));
    }
    for (const Json& entry : list_field(config, "layers")) {
      const std::string own = name_of(entry);
      with_context(
          [&] { return fmt::format("layer '{}'", own); },
          [&] {
            std::vector<std::string> read = read_sources(entry);
            for (std::string& name : read) name = prefix + name;
            const auto input = std::ranges::find(inputs, own);
            if (input != inputs.end()) {
              const std::string& outer = sources[static_cast<std::size_t>(input - inputs.begin())];
              layers_.push_back({prefix + own, own, std::string(kAlias), &field(entry, "config"), {outer}});
            } else {
              add(entry, prefix, std::move(read), depth);
            }
          });
    }
    std::vector<std::string> outputs = names_of(config, "output_layers");
    for (std::string& name : outputs) name = prefix + name;
    return outputs;
  }

  // Keras left the input layer out in its second version and put the shape into the first layer.
  std::vector<std::string> read_sequential(const Json& config, const std::string& prefix,
                                           const std::vector<std::string>& sources, int depth) {
    const Json& entries = config.is_array() ? config : list_field(config, "layers");
    std::vector<std::string> last = sources;
    for (const Json& entry : entries) {
      const Json& layer = field(entry, "config");
      const std::string entry_kind = text_of(field(entry, "class_name"), "class_name");
      const bool is_input = entry_kind == "InputLayer";
      if (last.empty() && !is_input && !is_model(entry_kind)) {
        const bool has_shape = layer.is_object() && (find_field(layer, "batch_input_shape") != nullptr ||
                                                     find_field(layer, "batch_shape") != nullptr);
        const Json* build = config.is_object() ? find_field(config, "build_input_shape") : nullptr;
        if (!has_shape && build == nullptr)
          throw Error("the first layer of a sequential model has no 'batch_input_shape'");
        last = {prefix + "input"};
        layers_.push_back({last.front(), "", "InputLayer", has_shape ? &layer : &config, {}});
      }
      if (is_input && !sources.empty()) continue;
      add(entry, prefix, std::exchange(last, {}), depth);
      last = {layers_.back().name};
    }
    if (last.empty()) throw Error("the sequential model has no layers");
    return last;
  }

  std::vector<TfjsLayer>& layers_;
};

}  // namespace

Topology read_topology(const Json& root) {
  if (!root.is_object()) throw Error("the JSON is not of the form of a layers-model, which is an object");
  const Json* format = find_field(root, "format");
  if (format != nullptr && *format != "layers-model") {
    throw Error(
        fmt::format("the model is a {}, expected a 'layers-model'{}",
                    format->is_string() ? fmt::format("'{}'", format->get<std::string>()) : shown(*format),
                    *format == "graph-model" ? "; export it from Keras, or convert it to ONNX" : ""));
  }
  if (find_field(root, "modelTopology") == nullptr || find_field(root, "weightsManifest") == nullptr) {
    throw Error(
        "the file has no 'modelTopology' or no 'weightsManifest'; is it a TensorFlow.js layers-model?");
  }
  const Json& topology = field(root, "modelTopology");
  const Json* inner = find_field(topology, "model_config");
  const Json& model = inner != nullptr ? *inner : topology;
  const std::string kind = text_of(field(model, "class_name"), "class_name");
  if (!is_model(kind)) {
    throw Error(
        fmt::format("the model is of class '{}', expected 'Functional', 'Model' or 'Sequential'", kind));
  }
  const Json& config = field(model, "config");
  Topology result;
  if (config.is_object()) result.name = LayerConfig(config).text("name", "");
  const Json* version = find_field(topology, "keras_version");
  if (version != nullptr && version->is_string() && version->get<std::string>().starts_with("3"))
    result.keras = 3;
  result.outputs = Reader(result.layers).read(kind, config, "", {}, 0);
  return result;
}

}  // namespace godwit::importers
