// Keras layers become nodes, one function per kind of layer.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "engine/graph.h"
#include "importers/tfjs/weights.h"

namespace godwit::importers {

// One layer of model.json, checked to have the form of a functional model's.
struct TfjsLayer {
  std::string name;
  std::string kind;
  const nlohmann::json* config;
  std::vector<std::string> sources;
};

class TfjsBuilder {
 public:
  // `swap_channels`: the network eats BGR and the graph shall take RGB.
  TfjsBuilder(std::vector<TfjsLayer> layers, const TfjsWeights& weights, bool swap_channels);

  // All layers up to the one named `output`. Throws Error that lists all unsupported kinds of layers at once,
  // or names the layer that is wrong.
  engine::Graph build(const std::string& output);

 private:
  // The result of a layer; padding is for a Conv that reads it to add.
  struct Source {
    engine::ValueId value = engine::kNoValue;
    int rank = 0;
    std::int64_t channels = 0;
    std::vector<std::int64_t> pads = {0, 0, 0, 0};  // top, left, bottom, right
    bool swapped = false;                           // the network wants these channels in reverse order
  };
  using Handler = Source (TfjsBuilder::*)(const TfjsLayer&);
  static const std::map<std::string, Handler>& handlers();

  Source input_layer(const TfjsLayer& layer);
  Source zero_padding(const TfjsLayer& layer);
  Source conv(const TfjsLayer& layer);
  Source batch_normalization(const TfjsLayer& layer);
  Source activation(const TfjsLayer& layer);
  Source add(const TfjsLayer& layer);
  Source max_pooling(const TfjsLayer& layer);
  Source global_average_pooling(const TfjsLayer& layer);
  Source dense(const TfjsLayer& layer);

  Source source(const TfjsLayer& layer, std::size_t i, int rank) const;
  bool only_feeds_convs(const std::string& layer) const;
  Tensor conv_weights(const TfjsLayer& layer, const Shape& hwio, bool swapped) const;
  engine::ValueId constant(const std::string& name, Tensor tensor);
  engine::ValueId append(const char* op, const std::string& name, std::vector<engine::ValueId> inputs,
                         ops::Attributes attributes = {});
  // `own_name`: the function is part of a layer that does more, and its node needs another name.
  Source activate(const TfjsLayer& layer, Source src, const std::string& function, bool own_name);

  std::vector<TfjsLayer> layers_;
  const TfjsWeights& weights_;
  bool swap_channels_;
  engine::Graph graph_;
  std::map<std::string, Source> sources_;
  std::string output_;
};

}  // namespace godwit::importers
