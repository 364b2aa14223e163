// recognize_attention: the forms that exporters write become one step with the same values.
#include <cmath>
#include <gtest/gtest.h>

#include "tests/engine/helpers.h"
#include "tests/support/compare.h"
#include "tests/support/random.h"
#include "tests/support/tolerance.h"

namespace godwit::engine {
namespace {

constexpr std::int64_t kBatch = 2, kHeads = 3, kRows = 5, kSize = 4, kWidth = kHeads * kSize;

struct Heads {
  ValueId query, key, value;
};

// Cut out of one product's result by Gather or by Split.
Heads cut(GraphBuilder& b, bool by_split) {
  const ValueId x = b.input("x", {kBatch, kRows, 3 * kWidth});
  ValueId five = b.node("Reshape", "five", {x, b.integers("five shape", {0, 0, 3, kHeads, kSize})});
  five = b.node("Transpose", "turned", {five}, {{"perm", ints({2, 0, 3, 1, 4})}});
  Heads heads{};
  ValueId* const parts[3] = {&heads.query, &heads.key, &heads.value};
  if (by_split) {
    const ValueId first = b.node("Split", "split", {five, b.integers("sizes", {1, 1, 1})}, {}, 3);
    const char* const names[3] = {"q", "k", "v"};
    for (int i = 0; i < 3; ++i) {
      *parts[i] =
          b.node("Reshape", names[i],
                 {first + i, b.integers(std::string(names[i]) + " shape", {kBatch, kHeads, kRows, kSize})});
    }
    return heads;
  }
  const char* const names[3] = {"q", "k", "v"};
  for (std::int64_t i = 0; i < 3; ++i) {
    const ValueId index = b.constant(std::string(names[i]) + " index", Tensor::of<std::int64_t>({}, {i}));
    *parts[i] = b.node("Gather", names[i], {five, index}, {{"axis", std::int64_t{0}}});
  }
  return heads;
}

ValueId transposed(GraphBuilder& b, ValueId key) {
  return b.node("Transpose", "key columns", {key}, {{"perm", ints({0, 1, 3, 2})}});
}

// Weights by values, brought back to rows.
void end(GraphBuilder& b, ValueId scores, ValueId value) {
  ValueId y = b.node("Softmax", "softmax", {scores}, {{"axis", std::int64_t{-1}}});
  y = b.node("MatMul", "weighted", {y, value});
  y = b.node("Transpose", "rows", {y}, {{"perm", ints({0, 2, 1, 3})}});
  b.output(b.node("Reshape", "y", {y, b.integers("y shape", {0, 0, kWidth})}));
}

// Values are sums of at most 5 products with weights; operands from -1 to 1, masks up to 2: scores below 8.
// Their roundings, in either graph, move e^x by as much, twice; e^x takes 12 of them, and the rest a few.
void expect_attention(const GraphBuilder& b, const std::vector<Tensor>& inputs) {
  Graph graph = b.build();
  const PassLog log = run_pass(graph, "recognize_attention");
  EXPECT_EQ(log.rewrites, 1) << joined_lines(log);
  EXPECT_EQ(ops_of(graph), Names{"AttentionViews"});
  EXPECT_EQ(graph.nodes[0].origins.size(), b.build().nodes.size());
  const Tensor expected = evaluate_graph(b.build(), inputs)[0];
  const double bound = 2 * support::gamma(4 * (2 * kSize + 8) + 12 + 2 * kRows + 8) * 8;
  for (const Tensor& actual : {evaluate_graph(graph, inputs)[0], run_graph(b.build(), inputs)[0],
                               run_graph(b.build(), inputs, {}, 3)[0]}) {
    ASSERT_EQ(actual.shape(), expected.shape());
    for (std::int64_t i = 0; i < expected.shape().elements(); ++i)
      EXPECT_NEAR(support::value_at(actual, i), support::value_at(expected, i), bound) << i;
  }
}
const Shape kPacked{kBatch, kRows, 3 * kWidth};
std::vector<Tensor> packed_input() { return {support::random_tensor(kPacked, 1)}; }

TEST(RecognizeAttention, OfHeadsCutOutOfOneTensor) {
  for (const bool by_split : {false, true}) {
    GraphBuilder b;
    const Heads heads = cut(b, by_split);
    const ValueId scores = b.node("MatMul", "scores", {heads.query, transposed(b, heads.key)});
    end(b, b.node("Div", "scaled", {scores, b.number("divisor", 2)}), heads.value);
    expect_attention(b, packed_input());
  }
}

TEST(RecognizeAttention, WithScalesInFrontOfTheProduct) {
  GraphBuilder b;
  const Heads heads = cut(b, false);
  const ValueId query = b.node("Mul", "scaled q", {heads.query, b.number("factor", 0.5F)});
  const ValueId key = b.node("Mul", "scaled k", {b.number("other", 0.75F), transposed(b, heads.key)});
  end(b, b.node("MatMul", "scores", {query, key}), heads.value);
  expect_attention(b, packed_input());
}

TEST(RecognizeAttention, WithMasksThatRepeat) {
  for (const Shape& mask : {Shape{kRows, kRows}, Shape{kHeads, kRows, kRows}, Shape{1, kHeads, 1, kRows},
                            Shape{kBatch, 1, kRows, kRows}, Shape{kRows, 1}, Shape{1}}) {
    GraphBuilder b;
    const Heads heads = cut(b, false);
    ValueId scores = b.node("MatMul", "scores", {heads.query, transposed(b, heads.key)});
    scores = b.node("Mul", "scaled", {scores, b.number("factor", 0.5F)});
    scores = b.node("Add", "masked", {scores, b.constant("mask", support::random_tensor(mask, 2))});
    end(b, scores, heads.value);
    SCOPED_TRACE(mask.to_string());
    expect_attention(b, packed_input());
  }
}

TEST(RecognizeAttention, WithMasksOfWindowsSeenInAnotherShape) {
  GraphBuilder b;
  const Heads heads = cut(b, false);
  ValueId scores = b.node("MatMul", "scores", {heads.query, transposed(b, heads.key)});
  scores = b.node("Add", "biased",
                  {scores, b.constant("bias", support::random_tensor({1, kHeads, kRows, kRows}, 2))});
  scores = b.node("Reshape", "windows", {scores, b.integers("apart", {1, kBatch, kHeads, kRows, kRows})});
  scores = b.node("Add", "masked",
                  {b.constant("mask", support::random_tensor({1, kBatch, 1, kRows, kRows}, 3)), scores});
  scores = b.node("Reshape", "together", {scores, b.integers("joined", {kBatch, kHeads, kRows, kRows})});
  end(b, scores, heads.value);
  expect_attention(b, packed_input());
}

TEST(RecognizeAttention, OfBatchesAndHeadsInOneDimension) {
  GraphBuilder b;
  const auto heads = [&](const char* name) {
    const ValueId x = b.input(name, {kRows, kBatch, kWidth});
    const std::string text = name;
    const ValueId apart =
        b.node("Reshape", text + " apart", {x, b.integers(text + " shape", {kRows, kBatch * kHeads, kSize})});
    return b.node("Transpose", text + " heads", {apart}, {{"perm", ints({1, 0, 2})}});
  };
  const ValueId query = heads("q"), key = heads("k"), value = heads("v");
  const ValueId columns = b.node("Transpose", "columns", {key}, {{"perm", ints({0, 2, 1})}});
  ValueId y = b.node("Softmax", "softmax", {b.node("MatMul", "scores", {query, columns})},
                     {{"axis", std::int64_t{2}}});
  y = b.node("Transpose", "rows", {b.node("MatMul", "weighted", {y, value})}, {{"perm", ints({1, 0, 2})}});
  b.output(b.node("Reshape", "y", {y, b.integers("y shape", {kRows * kBatch, kWidth})}));
  const Shape shape{kRows, kBatch, kWidth};
  expect_attention(b, {support::random_tensor(shape, 1), support::random_tensor(shape, 2),
                       support::random_tensor(shape, 3)});
}

TEST(RecognizeAttention, LeavesOthersAlone) {
  const auto left = [](const GraphBuilder& b) {
    Graph graph = b.build();
    const PassLog log = run_pass(graph, "recognize_attention");
    EXPECT_EQ(log.rewrites, 0);
    return joined_lines(log);
  };
  GraphBuilder computed;
  Heads heads = cut(computed, false);
  ValueId scores = computed.node("MatMul", "scores", {heads.query, transposed(computed, heads.key)});
  scores = computed.node("Add", "masked", {scores, computed.input("mask", {kRows, kRows})});
  end(computed, scores, heads.value);
  EXPECT_NE(left(computed).find("adds a mask that is computed or scaled"), std::string::npos);

  GraphBuilder shown;
  heads = cut(shown, false);
  scores = shown.node("MatMul", "scores", {heads.query, transposed(shown, heads.key)});
  end(shown, scores, heads.value);
  shown.output(scores);
  EXPECT_NE(left(shown).find("others read the result of node 'scores' (MatMul)"), std::string::npos);

  GraphBuilder across;
  heads = cut(across, false);
  scores = across.node("MatMul", "scores", {heads.query, transposed(across, heads.key)});
  const ValueId weights = across.node("Softmax", "softmax", {scores}, {{"axis", std::int64_t{2}}});
  across.output(across.node("MatMul", "weighted", {weights, heads.value}));
  EXPECT_NE(left(across).find("not over the last axis"), std::string::npos);
}

}  // namespace
}  // namespace godwit::engine
