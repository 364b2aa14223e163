// fold_scale: a constant for each channel goes into the weights in front of it.
#include <gtest/gtest.h>
#include <limits>

#include "tests/engine/helpers.h"

namespace godwit::engine {
namespace {

const Shape kImage{2, 3, 4, 6};

// A convolution of five channels, the sum with a constant of shape `added`, the product with one of shape
// `scale`.
GraphBuilder frozen(const Shape& added, const Shape& scale) {
  GraphBuilder b;
  ValueId x = b.conv("conv", b.input("x", kImage), {5, 3, 3, 3});
  x = b.node("Add", "add", {x, b.constant("shift", whole_numbers(added, 4))});
  b.output(b.node("Mul", "mul", {b.constant("scale", whole_numbers(scale, 5)), x}));
  return b;
}

std::string left(const GraphBuilder& b) {
  Graph graph = b.build();
  const PassLog log = run_pass(graph, "fold_scale");
  EXPECT_EQ(log.rewrites, 0);
  return joined_lines(log);
}

TEST(FoldScale, IntoAConvolutionAndTheSumBehindIt) {
  for (const Shape& scale : {Shape{1, 5, 1, 1}, Shape{5, 1, 1}, Shape{1}, Shape{}}) {
    const GraphBuilder b = frozen({5, 1, 1}, scale);
    Graph graph = b.build();
    const PassLog log = run_pass(graph, "fold_scale");
    EXPECT_EQ(log.rewrites, 1) << joined_lines(log);
    EXPECT_EQ(ops_of(graph), (Names{"Conv", "Add"}));
    EXPECT_EQ(graph.nodes[1].origins, (Names{"add", "mul"}));
    expect_pass_keeps_results(b.build(), "fold_scale", {whole_numbers(kImage, 6)});
  }
}

TEST(FoldScale, OneNumberPassesSumsOfAnyShape) {
  for (const Shape& added : {Shape{4}, Shape{2, 4}, Shape{2, 5, 2, 4}}) {
    const GraphBuilder b = frozen(added, {});
    Graph graph = b.build();
    EXPECT_EQ(run_pass(graph, "fold_scale").rewrites, 1);
    expect_pass_keeps_results(b.build(), "fold_scale", {whole_numbers(kImage, 6)});
  }
}

TEST(FoldScale, ThroughATransposition) {
  GraphBuilder b;
  ValueId x =
      b.node("MatMul", "product", {b.input("x", {2, 4, 6, 3}), b.constant("w", whole_numbers({3, 5}, 1))});
  x = b.node("Add", "add", {x, b.constant("b", whole_numbers({5}, 2))});
  x = b.node("Transpose", "transpose", {x}, {{"perm", ints({0, 3, 1, 2})}});
  b.output(b.node("Mul", "mul", {x, b.constant("scale", whole_numbers({5, 1, 1}, 3))}));
  Graph graph = b.build();
  EXPECT_EQ(run_pass(graph, "fold_scale").rewrites, 1);
  EXPECT_EQ(ops_of(graph), (Names{"MatMul", "Add", "Transpose"}));
  expect_pass_keeps_results(b.build(), "fold_scale", {whole_numbers({2, 4, 6, 3}, 6)});
}

TEST(FoldScale, IntoGemmWithItsBias) {
  GraphBuilder b;
  const ValueId x = b.node("Gemm", "gemm",
                           {b.input("x", {4, 3}), b.constant("w", whole_numbers({5, 3}, 1)),
                            b.constant("b", whole_numbers({5}, 2))},
                           {{"transB", std::int64_t{1}}, {"beta", 2.0F}});
  b.output(b.node("Mul", "mul", {x, b.constant("scale", whole_numbers({5}, 3))}));
  Graph graph = b.build();
  EXPECT_EQ(run_pass(graph, "fold_scale").rewrites, 1);
  EXPECT_EQ(ops_of(graph), Names{"Gemm"});
  expect_pass_keeps_results(b.build(), "fold_scale", {whole_numbers({4, 3}, 6)});
}

TEST(FoldScale, LeavesOthersAlone) {
  EXPECT_NE(left(frozen({5, 1, 1}, {4})).find("adds something else"), std::string::npos);
  EXPECT_NE(left(frozen({1}, {5, 1, 1})).find("adds something else"), std::string::npos);
  GraphBuilder rows;
  rows.output(rows.node("Mul", "mul",
                        {rows.conv("conv", rows.input("x", kImage), {5, 3, 3, 3}),
                         rows.constant("scale", whole_numbers({2, 1}, 5))}));
  EXPECT_NE(left(rows).find("along another axis"), std::string::npos);
  GraphBuilder endless;
  endless.output(endless.node("Mul", "mul",
                              {endless.conv("conv", endless.input("x", kImage), {5, 3, 3, 3}),
                               endless.number("scale", std::numeric_limits<float>::infinity())}));
  EXPECT_NE(left(endless).find("not finite"), std::string::npos);
  GraphBuilder shared;
  const ValueId conv = shared.conv("conv", shared.input("x", kImage), {5, 3, 3, 3});
  shared.output(shared.node("Mul", "mul", {conv, shared.number("scale", 2)}));
  shared.output(conv);
  EXPECT_NE(left(shared).find("others read"), std::string::npos);
}

}  // namespace
}  // namespace godwit::engine
