// Nodes behind Softmax and Sigmoid hide them from nobody.
#include "engine/last_layer.h"

#include <functional>
#include <gtest/gtest.h>
#include <ostream>
#include <string>

#include "tests/engine/qdq_builder.h"

namespace godwit::engine {
namespace {

// Probabilities of ten classes in, an output out.
struct Row {
  const char* name;
  ScoreKind kind;
  const char* text;
  std::function<ValueId(QdqBuilder&, ValueId scores)> tail;
};
void PrintTo(const Row& row, std::ostream* out) { *out << row.name; }

ValueId softmax(QdqBuilder& b, ValueId x) { return b.node("Softmax", "prob", {x}); }
ValueId sigmoid(QdqBuilder& b, ValueId x) { return b.node("Sigmoid", "each", {x}); }

std::vector<Row> rows() {
  constexpr const char* kSoftmax = "Softmax 'prob'";
  constexpr const char* kSigmoid = "Sigmoid 'each'";
  return {
      {"Scores", ScoreKind::real, "Gemm 'fc'", [](QdqBuilder&, ValueId x) { return x; }},
      {"ScoresCopied", ScoreKind::real, "Gemm 'fc'",
       [](QdqBuilder& b, ValueId x) { return b.node("Identity", "y", {x}); }},
      {"ScoresAboveZero", ScoreKind::real, "Gemm 'fc'",
       [](QdqBuilder& b, ValueId x) { return b.node("Relu", "y", {x}); }},
      {"Softmax", ScoreKind::softmax, kSoftmax, softmax},
      {"SoftmaxCopied", ScoreKind::softmax, kSoftmax,
       [](QdqBuilder& b, ValueId x) { return b.node("Identity", "y", {softmax(b, x)}); }},
      {"SoftmaxRounded", ScoreKind::softmax, kSoftmax,
       [](QdqBuilder& b, ValueId x) { return b.both("y", softmax(b, x), 1.0F / 255, 0); }},
      {"SoftmaxMovedAndStored", ScoreKind::softmax, kSoftmax,
       [](QdqBuilder& b, ValueId x) {
         const ValueId column = b.node("Transpose", "t", {softmax(b, x)}, {{"perm", ints({1, 0})}});
         const ValueId row = b.node("Reshape", "r", {column, b.integers("shape", {1, 10})});
         const ValueId half = b.node("Cast", "half", {row}, {{"to", std::int64_t{10}}});
         return b.node("Cast", "y", {half}, {{"to", std::int64_t{1}}});
       }},
      {"SoftmaxWithoutOneClass", ScoreKind::softmax, kSoftmax,
       [](QdqBuilder& b, ValueId x) {
         return b.node(
             "Slice", "y",
             {softmax(b, x), b.integers("from", {1}), b.integers("to", {10}), b.integers("axis", {1})});
       }},
      {"SoftmaxClamped", ScoreKind::softmax, kSoftmax,
       [](QdqBuilder& b, ValueId x) {
         return b.node("Clip", "y", {softmax(b, x), b.number("low", 1e-7F), b.number("high", 1)});
       }},
      {"Sigmoid", ScoreKind::bounded, kSigmoid, sigmoid},
      {"SigmoidRounded", ScoreKind::bounded, kSigmoid,
       [](QdqBuilder& b, ValueId x) { return b.both("y", sigmoid(b, x), 1.0F / 255, 0); }},
      {"HardSigmoid", ScoreKind::bounded, "HardSigmoid 'y'",
       [](QdqBuilder& b, ValueId x) { return b.node("HardSigmoid", "y", {x}); }},
      {"ClampedToOne", ScoreKind::bounded, "Clip 'y'",
       [](QdqBuilder& b, ValueId x) {
         return b.node("Clip", "y", {x, b.number("low", 0), b.number("high", 1)});
       }},
      {"ClampedToSix", ScoreKind::real, "Gemm 'fc'",
       [](QdqBuilder& b, ValueId x) {
         return b.node("Clip", "y", {x, b.number("low", 0), b.number("high", 6)});
       }},
      {"SoftmaxByHand", ScoreKind::softmax, "Div 'y', which divides by the sum",
       [](QdqBuilder& b, ValueId x) {
         const ValueId e = b.node("Exp", "e", {x});
         return b.node("Div", "y", {e, b.node("ReduceSum", "sum", {e, b.integers("axes", {1})})});
       }},
      {"MeanOfTwoSoftmaxes", ScoreKind::bounded, "Mul 'y'",
       [](QdqBuilder& b, ValueId x) {
         const ValueId other = b.node("Softmax", "other", {b.node("Neg", "n", {x})});
         return b.node("Mul", "y", {b.node("Add", "both", {softmax(b, x), other}), b.number("half", 0.5F)});
       }},
      {"SwishIsNoSigmoid", ScoreKind::real, "Mul 'y'",
       [](QdqBuilder& b, ValueId x) {
         return b.node("Mul", "y", {x, sigmoid(b, x)});
       }},
      {"SoftmaxBesideSigmoid", ScoreKind::bounded, "Concat 'y'",
       [](QdqBuilder& b, ValueId x) {
         return b.node("Concat", "y", {softmax(b, x), sigmoid(b, x)}, {{"axis", std::int64_t{1}}});
       }},
      {"WeightedBySoftmax", ScoreKind::real, "MatMul 'y'",
       [](QdqBuilder& b, ValueId x) {
         return b.node("MatMul", "y", {softmax(b, x), b.constant("v", whole_numbers({10, 4}, 3))});
       }},
  };
}

class LastLayerOf : public testing::TestWithParam<Row> {};

TEST_P(LastLayerOf, IsFound) {
  QdqBuilder b;
  const ValueId x = b.input("x", {1, 8});
  const ValueId fc = b.node("Gemm", "fc", {x, b.constant("w", whole_numbers({8, 10}, 2))});
  const ValueId y = GetParam().tail(b, fc);
  b.output(y);
  const LastLayer last = last_layer(b.build(), y);
  EXPECT_EQ(static_cast<int>(last.kind), static_cast<int>(GetParam().kind));
  EXPECT_EQ(last.text, GetParam().text);
}

INSTANTIATE_TEST_SUITE_P(Engine, LastLayerOf, testing::ValuesIn(rows()),
                         [](const auto& row) { return std::string(row.param.name); });

TEST(LastLayer, MayBeAnInputOrAConstant) {
  GraphBuilder b;
  const ValueId x = b.input("x", {1, 8}), c = b.constant("c", whole_numbers({1, 8}, 2));
  const ValueId y = b.node("Identity", "y", {x}), z = b.node("Identity", "z", {c});
  b.output(y).output(z);
  const Graph graph = b.build();
  EXPECT_EQ(last_layer(graph, y).text, "input 'x'");
  EXPECT_EQ(last_layer(graph, z).text, "constant 'c'");
  EXPECT_EQ(last_layer(graph, z).node, kNoNode);
}

}  // namespace
}  // namespace godwit::engine
