// Keras layers become nodes, one function per kind of layer.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "engine/graph.h"
#include "importers/tfjs/topology.h"
#include "importers/tfjs/weights.h"

namespace godwit::importers {

class TfjsBuilder {
 public:
  // `swap_channels`: the network eats BGR and the graph shall take RGB.
  TfjsBuilder(Topology topology, const TfjsWeights& weights, bool swap_channels);

  // All layers. Throws Error that lists all unsupported kinds of layers at once, or names the layer that is
  // wrong.
  engine::Graph build();

 private:
  // The result of a layer. Images are N, C, H, W here and N, H, W, C in Keras; all others have Keras's order.
  struct Source {
    engine::ValueId value = engine::kNoValue;
    std::vector<std::int64_t> pads = {0, 0, 0,
                                      0};  // top, left, bottom, right: for a convolution that reads it
    bool swapped = false;                  // the network wants these channels in reverse order
  };
  using Handler = Source (TfjsBuilder::*)(const TfjsLayer&);
  struct Kind {
    Handler handler;
    std::vector<std::string_view> operators;  // that it becomes and that are not in every build
  };
  static const std::map<std::string_view, Kind>& kinds();

  // layers.cpp: what a model is made of.
  Source alias(const TfjsLayer& layer);
  Source input_layer(const TfjsLayer& layer);
  Source dense(const TfjsLayer& layer);
  Source batch_normalization(const TfjsLayer& layer);
  Source rescaling(const TfjsLayer& layer);
  Source merge(const TfjsLayer& layer);
  Source concatenate(const TfjsLayer& layer);
  // convolutions.cpp: windows over images.
  Source zero_padding(const TfjsLayer& layer);
  Source conv(const TfjsLayer& layer);
  Source depthwise_conv(const TfjsLayer& layer);
  Source separable_conv(const TfjsLayer& layer);
  Source conv_transpose(const TfjsLayer& layer);
  Source pooling(const TfjsLayer& layer);
  Source global_pooling(const TfjsLayer& layer);
  // shapes.cpp: the same numbers in another arrangement.
  Source flatten(const TfjsLayer& layer);
  Source reshape(const TfjsLayer& layer);
  Source permute(const TfjsLayer& layer);
  Source cropping(const TfjsLayer& layer);
  Source up_sampling(const TfjsLayer& layer);
  // activations.cpp: functions of one number, and Softmax.
  Source activation(const TfjsLayer& layer);
  Source relu(const TfjsLayer& layer);
  Source leaky_relu(const TfjsLayer& layer);
  Source prelu(const TfjsLayer& layer);
  Source elu(const TfjsLayer& layer);
  Source softmax(const TfjsLayer& layer);

  // The convolution's window, for a layer that may add the padding in front of it.
  ops::Attributes window(const TfjsLayer& layer, const Source& src,
                         const std::vector<std::int64_t>& kernel) const;
  // A bias where the layer has one, behind the operands that are there.
  void add_bias(const TfjsLayer& layer, std::int64_t size, std::vector<engine::ValueId>& operands);
  Source depthwise(const TfjsLayer& layer, const Source& src, const std::string& name,
                   const std::string& weight, std::vector<engine::ValueId> bias);

  void refuse_unsupported() const;
  Source source(const TfjsLayer& layer, std::size_t i, int rank) const;
  const Shape& shape(const Source& src) const { return graph_.value(src.value).desc.shape; }
  // Size of Keras's last axis. Throws Error where it is not known.
  std::int64_t channels(const Source& src) const;
  // Keras's axis of a tensor of this rank as ONNX's. Throws Error where there is no such axis.
  static std::int64_t axis_of(std::int64_t keras, int rank);
  bool only_feeds_convs(const std::string& layer) const;
  // In Keras's order, and from it into that of the graph.
  engine::ValueId to_keras(engine::ValueId value, const std::string& name);
  engine::ValueId from_keras(engine::ValueId value, const std::string& name);
  engine::ValueId constant(const std::string& name, Tensor tensor);
  engine::ValueId scalar(const std::string& name, double value);
  engine::ValueId append(const char* op, const std::string& name, std::vector<engine::ValueId> inputs,
                         ops::Attributes attributes = {});
  // The activation in the layer's settings, on a node of its own.
  Source activated(const TfjsLayer& layer, Source src);
  Source activate(const TfjsLayer& layer, Source src, const std::string& function, const std::string& name);
  Source clipped(const Source& src, const std::string& name, double lowest, double highest);

  Topology topology_;
  const TfjsWeights& weights_;
  bool swap_channels_;
  engine::Graph graph_;
  std::map<std::string, Source> sources_;
};

}  // namespace godwit::importers
