// THE ordered list of passes, and running it.
#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "engine/pass.h"
#include "runtime/error.h"
#include "runtime/nearest_name.h"

namespace godwit::engine {
namespace passes {

using Function = void(Graph&, PassContext&);
Function fold_constants, inline_graphs, resolve_lists, raise_precision, lower_precision, eliminate_identity,
    lower_reduce_mean, fold_pad, fuse_bias, fold_batch_norm, fuse_activation, fuse_residual_add,
    fold_quantization, eliminate_dead, choose_layout, skip_zeros, prepack_weights, stream_rows,
    recognize_activations, recognize_layer_normalization, recognize_linear, fold_scale, recognize_attention,
    hoist_products, recognize_channel_shuffle;

}  // namespace passes

namespace {

constexpr std::array kPasses = {
    Pass{"fold_constants", "computes at compile time what depends on constants alone",
         passes::fold_constants},
    Pass{"inline_graphs", "makes branches and loops that are settled part of the graph around them",
         passes::inline_graphs},
    Pass{"resolve_lists", "takes out lists of tensors whose elements are known by name",
         passes::resolve_lists},
    Pass{"raise_precision", "computes in f32 what a model computes in 16-bit floats",
         passes::raise_precision},
    Pass{"eliminate_identity", "takes out nodes that hand their input on unchanged",
         passes::eliminate_identity},
    Pass{"lower_reduce_mean", "makes the mean over an image's height and width a global average pooling",
         passes::lower_reduce_mean},
    Pass{"recognize_activations", "makes Swish, Mish and Gelu of the nodes that exporters write for them",
         passes::recognize_activations},
    Pass{"recognize_layer_normalization", "makes LayerNormalization of the means and differences that it is",
         passes::recognize_layer_normalization},
    Pass{"fold_pad", "moves zero padding into the window of the convolution or pooling behind it",
         passes::fold_pad},
    Pass{"fold_scale", "multiplies a constant for each channel into the weights of a product in front of it",
         passes::fold_scale},
    Pass{"fuse_bias", "makes a constant that is added for each channel the bias of the node in front of it",
         passes::fuse_bias},
    Pass{"recognize_linear", "makes Linear of MatMul with constant weights and the Add of a row behind it",
         passes::recognize_linear},
    Pass{"fold_batch_norm", "multiplies batch normalisation into the weights in front of it",
         passes::fold_batch_norm},
    Pass{"hoist_products", "moves 1x1 convolutions over a Concat in front of the Resize of each branch",
         passes::hoist_products, true},
    Pass{"fuse_activation", "lets a node clamp its own result, as Relu and Clip would",
         passes::fuse_activation},
    Pass{"fuse_residual_add", "lets a node add the other branch of a residual block to its own result",
         passes::fuse_residual_add},
    Pass{"fold_quantization", "computes in 8-bit numbers what stands between dequantisation and quantisation",
         passes::fold_quantization},
    Pass{"recognize_attention", "makes one step of two products with a Softmax in between, heads and all",
         passes::recognize_attention, true},
    Pass{"lower_precision", "stores weights and the tensors between layers as 16-bit floats",
         passes::lower_precision, true},
    Pass{"recognize_channel_shuffle", "makes one step of shuffling channels and slicing them",
         passes::recognize_channel_shuffle, true},
    Pass{"eliminate_dead", "drops nodes whose results nobody asks for", passes::eliminate_dead},
    Pass{"choose_layout", "makes image tensors channels-last, with as few reorders as it can",
         passes::choose_layout, true},
    Pass{"skip_zeros", "lets a convolution look for zeros in what a ReLU in front of it has clamped",
         passes::skip_zeros, true},
    Pass{"prepack_weights", "packs constant weights once for all plans of a model", passes::prepack_weights,
         true},
    Pass{"stream_rows", "hands a tensor larger than the L2 cache to its only reader in parts, never whole",
         passes::stream_rows, true},
};

void check_names(const std::vector<std::string>& disabled) {
  for (const std::string& name : disabled) {
    if (std::ranges::find(kPasses, std::string_view(name), &Pass::name) != kPasses.end()) continue;
    std::vector<std::string_view> known;
    for (const Pass& pass : kPasses) known.push_back(pass.name);
    throw Error(fmt::format("there is no pass '{}'; the passes are: {}{}", name, fmt::join(known, ", "),
                            did_you_mean(name, known)));
  }
}

}  // namespace

std::string_view name_of(Precision precision) {
  static constexpr std::array<std::string_view, 5> kNames = {"automatic", "f32", "int8", "bf16", "f16"};
  return kNames[static_cast<std::size_t>(precision)];
}

std::optional<DType> stored_dtype(Precision precision) {
  if (precision == Precision::bf16) return DType::bf16;
  if (precision == Precision::f16) return DType::f16;
  return std::nullopt;
}

std::span<const Pass> pipeline() { return kPasses; }

std::vector<PassReport> run_pipeline(Graph& graph, const ops::Target& target,
                                     const PipelineOptions& options) {
  check_names(options.disabled);
  std::vector<PassReport> reports;
  const std::size_t stop = options.stop_after < 0
                               ? kPasses.size()
                               : std::min(kPasses.size(), static_cast<std::size_t>(options.stop_after));
  for (const Pass& pass : std::span(kPasses).first(stop)) {
    if (pass.needs_shapes && !options.shapes_bound) continue;
    if (std::ranges::find(options.disabled, pass.name) != options.disabled.end()) continue;
    PassReport report{pass.name, {}};
    PassContext context{target,          report.log,        options.weights,
                        options.threads, options.precision, options.choices};
    with_context([&] { return fmt::format("pass {}", pass.name); },
                 [&] {
                   pass.run(graph, context);
                   verify(graph);
                 });
    reports.push_back(std::move(report));
  }
  return reports;
}

}  // namespace godwit::engine
