// Small TensorFlow.js models for tests: layers in the order of the calls, weights counted up in small steps.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/tensor.h"
#include "tests/support/temporary_directory.h"

namespace godwit::importers::test {

using godwit::test::TemporaryDirectory;
using nlohmann::json;

// A layers-model in a folder.
class TfjsMaker {
 public:
  explicit TfjsMaker(const char* name) : name_(name) {}

  json& layer(const char* kind, const char* name, const std::vector<std::string>& sources, json config) {
    config["name"] = name;
    json call = json::array();
    for (const std::string& source : sources) call.push_back({source, 0, 0, json::object()});
    layers_.push_back({{"class_name", kind}, {"config", config}, {"inbound_nodes", json::array()}});
    if (!sources.empty()) layers_.back()["inbound_nodes"].push_back(call);
    output_ = name;
    return layers_.back();
  }
  void input(std::int64_t size = 4, std::int64_t channels = 3) {
    layer("InputLayer", "input_1", {},
          {{"batch_input_shape", {nullptr, size, size, channels}}, {"dtype", "float32"}});
  }
  std::vector<float> weight(const std::string& name, const std::vector<std::int64_t>& shape) {
    std::vector<float> values(static_cast<std::size_t>(Shape(std::span(shape)).elements()));
    for (float& value : values) value = static_cast<float>(static_cast<int>(random_() % 17) - 8) / 8.0F;
    add_weight(name, shape, values);
    return values;
  }
  void add_weight(const std::string& name, const std::vector<std::int64_t>& shape,
                  const std::vector<float>& values) {
    weights_.push_back({{"name", name}, {"shape", shape}, {"dtype", "float32"}});
    bytes_.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
  }
  json document() const {
    return {
        {"format", "layers-model"},
        {"modelTopology",
         {{"keras_version", "2"},
          {"model_config",
           {{"class_name", "Model"},
            {"config",
             {{"name", name_},
              {"layers", layers_},
              {"input_layers", json::array({{"input_1", 0, 0}})},
              {"output_layers", json::array({{output_, 0, 0}})}}}}}}},
        {"weightsManifest", json::array({{{"paths", {"shard1.bin", "shard2.bin"}}, {"weights", weights_}}})}};
  }
  std::string save(const TemporaryDirectory& folder) const { return save(folder, document()); }
  // The first shard ends in the middle of a number.
  std::string save(const TemporaryDirectory& folder, const json& model) const {
    const std::size_t cut = bytes_.size() / 2 | 1;
    folder.write("shard1.bin", std::string_view(bytes_).substr(0, std::min(cut, bytes_.size())));
    folder.write("shard2.bin", std::string_view(bytes_).substr(std::min(cut, bytes_.size())));
    return folder.write("model.json", model.dump());
  }

 private:
  std::string name_, output_, bytes_;
  json layers_ = json::array(), weights_ = json::array();
  std::mt19937 random_{5};
};

}  // namespace godwit::importers::test
