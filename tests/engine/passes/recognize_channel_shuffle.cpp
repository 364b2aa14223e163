// recognize_channel_shuffle: the nodes of exporters with and without what stands around them, and what only
// looks like them.
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "tests/engine/helpers.h"

namespace godwit::engine {
namespace {

struct Form {
  bool concatenates = true, slices = true;
  std::int64_t concat_axis = 1;
  std::vector<std::int64_t> order = {0, 2, 1, 3, 4};
  std::int64_t step = 1;
  bool gives_split = false;  // the graph's result, too
};

GraphBuilder written(const Form& form) {
  GraphBuilder b;
  ValueId x = b.input("x", {1, 8, 3, 5});
  if (form.concatenates) {
    const ValueId half = b.input("y", {1, 8, 3, 5});
    x = b.node("Concat", "concat", {x, half}, {{"axis", form.concat_axis}});
  }
  const std::int64_t channels = form.concatenates && form.concat_axis == 1 ? 16 : 8;
  const std::int64_t images = form.concatenates && form.concat_axis == 0 ? 2 : 1;
  const ValueId split = b.node("Reshape", "split", {x, b.integers("five", {images, 2, channels / 2, 3, 5})});
  const ValueId swapped = b.node("Transpose", "swapped", {split}, {{"perm", form.order}});
  const ValueId result = b.node("Reshape", "joined", {swapped, b.integers("four", {images, channels, 3, 5})});
  if (form.gives_split) b.output(split);
  if (!form.slices) return b.output(result);
  const ValueId axis = b.integers("axis", {1}), step = b.integers("step", {form.step});
  const auto slice = [&](const std::string& name, std::int64_t first, std::int64_t last) {
    b.output(b.node("Slice", name,
                    {result, b.integers(name + "0", {first}), b.integers(name + "1", {last}), axis, step}));
  };
  slice("low", 0, 6);
  slice("high", -channels + 6, 1000);
  return b;
}

std::vector<Tensor> inputs_of(const Graph& graph) {
  std::vector<Tensor> inputs;
  for (std::size_t i = 0; i < graph.inputs.size(); ++i)
    inputs.push_back(whole_numbers({1, 8, 3, 5}, i + 1, -99, 99));
  return inputs;
}

TEST(RecognizeChannelShuffle, TakesConcatAndSlicesAlong) {
  const GraphBuilder b = written({});
  Graph graph = b.build();
  EXPECT_EQ(run_pass(graph, "recognize_channel_shuffle").rewrites, 1);
  ASSERT_EQ(ops_of(graph), (Names{"ChannelShuffle", "ChannelShuffle"}));
  EXPECT_EQ(graph.nodes[0].origins, Names{"low"});
  EXPECT_EQ(graph.nodes[1].origins, (Names{"concat", "split", "swapped", "joined", "high"}));
  expect_same(evaluate_graph(graph, inputs_of(graph)), evaluate_graph(b.build(), inputs_of(graph)));
  expect_pass_keeps_results(b.build(), "recognize_channel_shuffle", inputs_of(graph));
}

TEST(RecognizeChannelShuffle, OfOneTensorAsAWhole) {
  for (const Form& form : {Form{.concatenates = false, .slices = false}, Form{.slices = false}}) {
    const GraphBuilder b = written(form);
    Graph graph = b.build();
    EXPECT_EQ(run_pass(graph, "recognize_channel_shuffle").rewrites, 1);
    EXPECT_EQ(ops_of(graph), Names{"ChannelShuffle"});
    expect_pass_keeps_results(b.build(), "recognize_channel_shuffle", inputs_of(graph));
  }
}

TEST(RecognizeChannelShuffle, LeavesNeighboursThatAreOfAnotherKind) {
  const auto ops_with = [](const Form& form) {
    const GraphBuilder b = written(form);
    Graph graph = b.build();
    EXPECT_EQ(run_pass(graph, "recognize_channel_shuffle").rewrites, 1);
    expect_pass_keeps_results(b.build(), "recognize_channel_shuffle", inputs_of(graph));
    return ops_of(graph);
  };
  EXPECT_EQ(ops_with({.slices = false, .concat_axis = 0}), (Names{"Concat", "ChannelShuffle"}));
  EXPECT_EQ(ops_with({.step = 2}), (Names{"ChannelShuffle", "Slice", "Slice"}));
}

TEST(RecognizeChannelShuffle, LeavesWhatOnlyLooksLikeIt) {
  for (const Form& form :
       {Form{.order = {0, 1, 2, 3, 4}}, Form{.order = {0, 2, 1, 4, 3}}, Form{.gives_split = true}}) {
    Graph graph = written(form).build();
    EXPECT_EQ(run_pass(graph, "recognize_channel_shuffle").rewrites, 0);
    EXPECT_EQ(ops_of(graph).size(), 6U);
  }
}

TEST(RecognizeChannelShuffle, ConvolutionsAroundItNeedNoReorder) {
  GraphBuilder b;
  const ValueId x = b.input("x", {1, 8, 6, 6});
  const ValueId conv = b.conv("conv", x, {16, 8, 1, 1});
  const ValueId split = b.node("Reshape", "split", {conv, b.integers("five", {1, 2, 8, 6, 6})});
  const ValueId swapped = b.node("Transpose", "swapped", {split}, {{"perm", ints({0, 2, 1, 3, 4})}});
  const ValueId joined = b.node("Reshape", "joined", {swapped, b.integers("four", {1, 16, 6, 6})});
  b.output(b.conv("next", joined, {8, 16, 1, 1}));
  const auto plan = compile(b.build());
  Names steps;
  for (const Step& step : plan->steps()) steps.push_back(std::string(step.implementation));
  EXPECT_EQ(steps, (Names{"strided_copy", "conv_gemm", "shuffle_pixels", "conv_gemm", "strided_copy"}));
}

}  // namespace
}  // namespace godwit::engine
