// Models that treat the images of a batch apart, and the plans for one image that they get.
#include "engine/images.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/engine/helpers.h"
#include "tests/support/random.h"

namespace godwit::engine {
namespace {

// The graph's number of images once shapes are inferred.
std::int64_t separable(Graph graph) {
  infer_shapes(graph);
  return separable_images(graph);
}

TEST(SeparableImages, FollowDimensionZero) {
  GraphBuilder b;
  const ValueId image = b.input("image", {4, 3, 6, 5});
  const ValueId w = b.constant("w", support::random_tensor({8, 3, 3, 3}, 1));
  const ValueId conv = b.node("Conv", "conv", {image, w});
  const ValueId bias = b.constant("bias", support::random_tensor({1, 8, 1, 1}, 2));
  const ValueId sum = b.node("Add", "sum", {b.node("Relu", "relu", {conv}), bias});
  const ValueId flat = b.node("Flatten", "flat", {b.node("GlobalAveragePool", "mean", {sum})});
  const ValueId fc = b.constant("fc", support::random_tensor({8, 7}, 3));
  b.output(b.node("Softmax", "prob", {b.node("MatMul", "product", {flat, fc})}, {{"axis", std::int64_t{1}}}));
  EXPECT_EQ(separable(b.build()), 4);
}

// One node between an input of four images and an output.
Graph with_node(const std::string& op, const std::vector<Tensor>& constants,
                const GraphBuilder::Attributes& attributes = {}) {
  GraphBuilder b;
  std::vector<ValueId> operands{b.input("image", {4, 4, 4, 4})};
  for (std::size_t i = 0; i < constants.size(); ++i)
    operands.push_back(b.constant(fmt::format("c{}", i), constants[i]));
  b.output(b.node(op, "node", operands, attributes));
  return b.build();
}

TEST(SeparableImages, AreNotWhereImagesMeet) {
  EXPECT_EQ(separable(with_node("Relu", {})), 4);
  EXPECT_EQ(separable(with_node("Softmax", {}, {{"axis", std::int64_t{1}}})), 4);
  EXPECT_EQ(separable(with_node("Softmax", {}, {{"axis", std::int64_t{0}}})), 0);
  EXPECT_EQ(separable(with_node("Softmax", {}, {{"axis", std::int64_t{-4}}})), 0);
  EXPECT_EQ(separable(with_node("Transpose", {}, {{"perm", ints({0, 2, 3, 1})}})), 4);
  EXPECT_EQ(separable(with_node("Transpose", {}, {{"perm", ints({1, 0, 2, 3})}})), 0);
  EXPECT_EQ(separable(with_node("Transpose", {})), 0);
}

TEST(SeparableImages, SurviveReductionsOfOtherAxes) {
  const auto reduced = [](std::initializer_list<std::int64_t> axes) {
    return separable(with_node("ReduceMean",
                               {Tensor::of<std::int64_t>({static_cast<std::int64_t>(axes.size())}, axes)},
                               {{"keepdims", std::int64_t{0}}}));
  };
  EXPECT_EQ(reduced({2, 3}), 4);
  EXPECT_EQ(reduced({-1}), 4);
  EXPECT_EQ(reduced({0}), 0) << "dimension 0 of the result counts channels";
  EXPECT_EQ(reduced({-4, 1}), 0);
  EXPECT_EQ(separable(with_node("ReduceMean", {})), 0);
}

TEST(SeparableImages, AreNotWhereAConstantTellsThemApart) {
  EXPECT_EQ(separable(with_node("Add", {support::random_tensor({4}, 1)})), 4) << "aligned with the last axis";
  EXPECT_EQ(separable(with_node("Add", {support::random_tensor({1, 4, 1, 4}, 1)})), 4);
  EXPECT_EQ(separable(with_node("Add", {support::random_tensor({4, 1, 1, 1}, 1)})), 0);
  EXPECT_EQ(separable(with_node("MatMul", {support::random_tensor({4, 5}, 1)})), 4);
  EXPECT_EQ(separable(with_node("MatMul", {support::random_tensor({4, 4, 4, 5}, 1)})), 0);
}

TEST(SeparableImages, AreNotKnownWithoutADeclaration) {
  EXPECT_EQ(separable(with_node("Gather", {Tensor::of<std::int64_t>({4}, {3, 2, 1, 0})})), 0);
}

// Two inputs that broadcast: the second one's dimension 0 has the number of images, but counts columns.
TEST(SeparableImages, AreNotWhereRanksDiffer) {
  GraphBuilder b;
  const ValueId image = b.input("image", {4, 4});
  const ValueId columns = b.input("columns", {4});
  b.output(b.node("Add", "sum", {image, columns}));
  EXPECT_EQ(separable(b.build()), 0);
}

TEST(SeparableImages, AreNotWhereAnOutputHasNone) {
  GraphBuilder b;
  const ValueId image = b.input("image", {4, 2});
  b.output(b.node("Relu", "relu", {image}));
  b.output(b.node("ReduceSum", "sum", {image, b.constant("axes", Tensor::of<std::int64_t>({1}, {0}))}));
  EXPECT_EQ(separable(b.build()), 0);
}

TEST(OneImagePlan, IsThereForBatchesOnly) {
  const auto one = compile(small_network());
  EXPECT_EQ(one->one_image(), nullptr);
  const auto five = one->with_shapes({{"image", {5, 3, 9, 7}}});
  ASSERT_NE(five->one_image(), nullptr);
  EXPECT_EQ(five->one_image()->inputs()[0].desc.shape, Shape({1, 3, 9, 7}));
  EXPECT_EQ(five->one_image()->memory().packed_weight_bytes, five->memory().packed_weight_bytes)
      << "weights are shared";
}

TEST(OneImagePlan, IsNotThereWhereTheModelFixesTheBatch) {
  GraphBuilder b;
  b.output(b.node("Relu", "relu", {b.input("image", {4, 3})}));
  EXPECT_EQ(compile(b.build())->one_image(), nullptr);
}

}  // namespace
}  // namespace godwit::engine
