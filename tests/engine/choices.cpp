// Implementations settled beforehand: they are used, refused with a reason where they cannot be, and give the
// same bits for every batch and number of threads.
#include "engine/choices.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/engine/helpers.h"
#include "tests/engine/qdq_builder.h"
#include "tests/support/compare.h"
#include "tests/support/random.h"
#include "tests/support/tolerance.h"
#include "tests/support/winograd_bound.h"

namespace godwit::engine {
namespace {

constexpr std::int64_t kChannels = 16, kSide = 9;

// One convolution that several implementations can do, on real numbers so that they differ in rounding.
GraphBuilder one_conv(std::int64_t batch = 0) {
  GraphBuilder b;
  const std::int64_t images = batch > 0 ? batch : b.graph().symbol("N");
  const ValueId x = b.input("x", {images, kChannels, kSide, kSide});
  const ValueId w = b.constant("w", support::random_tensor({32, kChannels, 3, 3}, 2));
  b.output(b.node("Conv", "conv", {x, w}, {{"pads", ints({1, 1, 1, 1})}}));
  return b;
}

CompileOptions with(const std::string& step, const std::string& implementation, std::int64_t images = 1) {
  CompileOptions options;
  options.choices.steps[step] = {implementation};
  options.shapes["x"] = {images, kChannels, kSide, kSide};
  return options;
}

// Beside the reorders of the model's edges.
const Step& conv_of(const Plan& plan) {
  return *std::ranges::find(plan.steps(), std::string("conv"), &Step::name);
}

const Names kWays = {"conv_winograd4", "conv_winograd2", "conv_gemm", "reference"};

TEST(Choices, AreWhatRuns) {
  const Graph graph = one_conv().build();
  for (const std::string& way : kWays) {
    const auto plan = compile(graph, with("conv", way));
    const Step& step = conv_of(*plan);
    EXPECT_EQ(step.implementation, way);
    for (const ops::Candidate& candidate : step.candidates) {
      EXPECT_EQ(candidate.chosen, candidate.implementation == way) << candidate.implementation;
      EXPECT_FALSE(candidate.seconds) << "nothing was measured";
    }
  }
}

// Results differ in bits, each within the sum of its own roundings.
TEST(Choices, AgreeWithinTheBoundsOfTheirRoundings) {
  const Graph graph = one_conv().build();
  const Tensor src = support::random_tensor({1, kChannels, kSide, kSide}, 1);
  const Tensor& weights = *graph.value(graph.find_value("w")).constant;
  const Tensor expected = run_plan(compile(graph, with("conv", "reference")), {src})[0];
  const auto magnitudes = [&](std::int64_t m) {
    return support::winograd_magnitudes(m, src, weights, expected.shape(), 1, 1);
  };
  // The magnitude of direct sums is less than either; they have the most roundings, one for each product.
  const Tensor two = magnitudes(2), four = magnitudes(4);
  const support::Bound bound = [&](const support::Element& element) {
    const double most =
        std::max(support::value_at(two, element.index), support::value_at(four, element.index));
    return support::gamma(9 * kChannels + 1) * most;
  };
  for (const std::string& way : kWays) {
    SCOPED_TRACE(way);
    support::expect_close(run_plan(compile(graph, with("conv", way)), {src})[0], expected, bound);
  }
}

TEST(Choices, GiveTheSameBitsForEveryBatchAndNumberOfThreads) {
  const Graph graph = one_conv().build();
  const Tensor images = support::random_tensor({3, kChannels, kSide, kSide}, 5);
  for (const std::string& way : kWays) {
    SCOPED_TRACE(way);
    const auto one = compile(graph, with("conv", way)), three = compile(graph, with("conv", way, 3));
    EXPECT_EQ(conv_of(*three).implementation, way);
    ASSERT_NE(three->one_image(), nullptr);
    EXPECT_EQ(conv_of(*three->one_image()).implementation, way);
    EXPECT_EQ(conv_of(*one->with_shapes({{"x", {3, kChannels, kSide, kSide}}})).implementation, way);
    const Tensor together = run_plan(three, {images})[0];
    EXPECT_TRUE(same_bytes(run_plan(three, {images}, 2)[0], together));
    const auto size = static_cast<std::size_t>(images.shape().elements() / 3);
    const auto result = static_cast<std::size_t>(together.shape().elements() / 3);
    for (std::size_t i = 0; i < 3; ++i) {
      const Tensor image =
          Tensor::of({1, kChannels, kSide, kSide}, images.values<float>().subspan(i * size, size));
      for (const int threads : {1, 2}) {
        const Tensor alone = run_plan(one, {image}, threads)[0];
        EXPECT_EQ(
            std::memcmp(alone.data(), together.values<float>().subspan(i * result).data(), alone.bytes()), 0);
      }
    }
  }
}

TEST(Choices, PackOnlyWhatTheyNeed) {
  const Graph graph = one_conv().build();
  const auto packed = [&](const std::string& way) {
    return compile(graph, with("conv", way))->memory().packed_weight_bytes;
  };
  EXPECT_EQ(packed("reference"), 0U);
  EXPECT_EQ(packed("conv_winograd4") * 9, packed("conv_gemm") * 36);
}

TEST(Choices, RefuseWhatDoesNotFit) {
  const Graph graph = one_conv().build();
  const auto error = [&](const CompileOptions& options) {
    return error_of([&] { (void)compile(graph, options); });
  };
  const std::string unknown = error(with("conv", "conv_fastest"));
  EXPECT_NE(unknown.find("node 'conv' (Conv): Conv has no implementation 'conv_fastest'; it has "),
            std::string::npos)
      << unknown;
  EXPECT_TRUE(unknown.ends_with(", reference")) << unknown;
  EXPECT_NE(error(with("conv", "conv_depthwise")).find("implementation 'conv_depthwise' cannot take it: "),
            std::string::npos);
  EXPECT_EQ(error(with("konv", "conv_gemm")),
            "'conv_gemm' is chosen for 'konv', but the plan has no step of that name");
  CompileOptions unpacked = with("conv", "conv_depthwise");
  unpacked.disabled_passes = {"prepack_weights"};
  EXPECT_NE(error(unpacked).find("cannot take it"), std::string::npos);
}

TEST(Choices, HoldForOnePrecision) {
  QdqBuilder b;
  const ValueId x = b.both("x", b.input("x", {1, 4, 6, 6}), 0.5F, 128);
  const ValueId conv = b.node("Conv", "conv", {x, b.weights("w", {8, 4, 3, 3})});
  b.output(b.both("y", conv, 0.5F, 128));
  const Graph graph = b.build();
  ASSERT_EQ(compile(graph)->precision(), Precision::int8);
  const auto error = [&](Precision precision, Precision chosen_for) {
    CompileOptions options;
    options.precision = precision;
    options.choices.precision = chosen_for;
    return error_of([&] { (void)compile(graph, options); });
  };
  EXPECT_EQ(error(Precision::automatic, Precision::f32),
            "the implementations are chosen for f32, but the model is compiled in int8");
  EXPECT_EQ(error(Precision::f32, Precision::int8),
            "the implementations are chosen for int8, but the model is compiled in f32");
  EXPECT_EQ(error(Precision::automatic, Precision::int8), "");
  EXPECT_EQ(error(Precision::int8, Precision::int8), "");
  EXPECT_EQ(error(Precision::f32, Precision::f32), "");
  CompileOptions plain;
  plain.choices.precision = Precision::int8;
  EXPECT_EQ(error_of([&] { (void)compile(one_conv().build(), plain); }),
            "the implementations are chosen for int8, but the model is compiled in f32");
}

TEST(Choices, TellWhatWasMeasured) {
  CompileOptions options = with("conv", "conv_gemm");
  options.choices.steps["conv"].seconds = {{"conv_gemm", 0.5}, {"conv_winograd2", 0.75}};
  const auto plan = compile(one_conv().build(), options);
  for (const ops::Candidate& candidate : conv_of(*plan).candidates) {
    const auto found = options.choices.steps["conv"].seconds.find(std::string(candidate.implementation));
    const bool measured = found != options.choices.steps["conv"].seconds.end();
    EXPECT_EQ(candidate.seconds, measured ? std::optional(found->second) : std::nullopt);
  }
}

TEST(Signature, IsSharedByEqualWorkOnly) {
  GraphBuilder b;
  const ValueId x = b.input("x", {1, 8, 8, 8});
  const GraphBuilder::Attributes padded{{"pads", ints({1, 1, 1, 1})}};
  b.output(b.conv("one", x, {8, 8, 3, 3}, padded)).output(b.conv("same", x, {8, 8, 3, 3}, padded));
  b.output(b.conv("unpadded", x, {8, 8, 3, 3})).output(b.conv("narrow", x, {4, 8, 3, 3}, padded));
  b.output(b.node("Relu", "clamped", {b.conv("inner", x, {8, 8, 3, 3}, padded)}));
  const auto plan = compile(b.build());
  const auto signature = [&](std::string_view name) {
    return std::ranges::find(plan->steps(), name, &Step::name)->signature;
  };
  EXPECT_EQ(signature("one"), signature("same"));
  for (const char* other : {"unpadded", "narrow", "clamped"})
    EXPECT_NE(signature("one"), signature(other)) << other;
}

}  // namespace
}  // namespace godwit::engine
