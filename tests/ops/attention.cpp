// Attention and RotaryEmbedding: values by hand, heads in three and four dimensions, masks, caches, refusals.
#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <string>
#include <vector>

#include "tests/support/compare.h"
#include "tests/support/counting.h"
#include "tests/support/errors.h"
#include "tests/support/op_runner.h"
#include "tests/support/random.h"

namespace godwit::support {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
using Floats = std::vector<float>;

Floats first(const OpRunner& runner) { return values_of<float>(runner.reference()[0]); }

// One head, two queries and two keys of one element. With keys 0 all weights are a half.
OpRunner halves() {
  OpRunner runner("Attention");
  runner.input(Tensor::of<float>({1, 1, 2, 1}, {1, 2})).input(Tensor::of<float>({1, 1, 2, 1}, {0, 0}));
  runner.input(Tensor::of<float>({1, 1, 2, 2}, {1, 2, 3, 6}));
  return runner;
}

TEST(AttentionOp, WeighsValues) {
  EXPECT_EQ(first(halves()), (Floats{2, 4, 2, 4}));
  // Products 0 and log 3: weights 1/4 and 3/4.
  OpRunner runner("Attention");
  runner.input(Tensor::of<float>({1, 1, 1, 1}, {1}));
  runner.input(Tensor::of<float>({1, 1, 2, 1}, {0, 1.0986122886681098F}));
  runner.input(Tensor::of<float>({1, 1, 2, 1}, {0, 4})).outputs(4).attribute("qk_matmul_output_mode", 3);
  const std::vector<Tensor> results = runner.reference();
  EXPECT_NEAR(value_at(results[0], 0), 3, 8 * unit_roundoff<float>);
  EXPECT_NEAR(value_at(results[3], 1), 0.75, 2 * unit_roundoff<float>);
  EXPECT_EQ(results[1].shape(), Shape({1, 1, 2, 1}));
}

TEST(AttentionOp, Masks) {
  EXPECT_EQ(first(halves().attribute("is_causal", 1)), (Floats{1, 2, 2, 4}));
  EXPECT_EQ(first(halves().input(Tensor::of<bool>({2, 2}, {false, true, true, true}))), (Floats{3, 6, 2, 4}));
  EXPECT_EQ(first(halves().input(Tensor::of<float>({1, 2}, {0, -kInf}))), (Floats{1, 2, 1, 2}));
  // A mask of one key alone, of which there are two: the other one is masked.
  EXPECT_EQ(first(halves().input(Tensor::of<bool>({2, 1}, {true, true})).attribute("is_causal", 1)),
            (Floats{1, 2, 2, 4}));
  OpRunner padded = halves();
  padded.omitted().omitted().omitted().input(Tensor::of<std::int64_t>({1}, {1}));
  EXPECT_EQ(first(padded), (Floats{1, 2, 1, 2}));
}

TEST(AttentionOp, CapsBeforeItMasks) {
  OpRunner runner = halves();
  runner.input(Tensor::of<float>({1, 2}, {0, -kInf})).attribute("softcap", 1.0F);
  EXPECT_EQ(first(runner), (Floats{1, 2, 1, 2}));
}

TEST(AttentionOp, KeepsACache) {
  OpRunner runner = halves();
  runner.omitted()
      .input(Tensor::of<float>({1, 1, 1, 1}, {0}))
      .input(Tensor::of<float>({1, 1, 1, 2}, {8, 10}));
  runner.outputs(3);
  const std::vector<Tensor> results = runner.reference();
  EXPECT_EQ(values_of<float>(results[0]), (Floats{4, 6, 4, 6}));
  EXPECT_EQ(values_of<float>(results[2]), (Floats{8, 10, 1, 2, 3, 6}));
  // Keys before the first query are seen by all.
  EXPECT_EQ(first(runner.attribute("is_causal", 1)), (Floats{4.5F, 6, 4, 6}));
}

TEST(AttentionOp, SharesKeysAmongHeads) {
  const Tensor q = random_tensor({2, 4, 3, 8}, 1), k = random_tensor({2, 2, 5, 8}, 2),
               v = random_tensor({2, 2, 5, 6}, 3);
  OpRunner runner("Attention");
  const Tensor dst = runner.input(q).input(k).input(v).reference()[0];
  EXPECT_EQ(dst.shape(), Shape({2, 4, 3, 6}));
  // Head 3 reads keys of group 1: the same as with one head alone.
  const auto head = [](const Tensor& all, std::int64_t h) {
    const std::int64_t size = all.shape()[2] * all.shape()[3];
    const auto values =
        all.values<float>().subspan(static_cast<std::size_t>(h * size), static_cast<std::size_t>(size));
    return Tensor::of<float>({1, 1, all.shape()[2], all.shape()[3]}, values);
  };
  OpRunner alone("Attention");
  alone.input(head(q, 3)).input(head(k, 1)).input(head(v, 1));
  expect_close(alone.reference()[0], head(dst, 3), exact());
}

TEST(AttentionOp, TakesHeadsSideBySide) {
  // Rows of a head lie two apart where there are two heads of one element each.
  OpRunner runner("Attention");
  runner.input(Tensor::of<float>({1, 1, 2}, {1, 1})).input(Tensor::of<float>({1, 2, 2}, {0, 0, 0, 0}));
  runner.input(Tensor::of<float>({1, 2, 2}, {1, 10, 3, 20})).attribute("q_num_heads", 2);
  runner.attribute("kv_num_heads", 2);
  EXPECT_EQ(runner.shape(), Shape({1, 1, 2}));
  EXPECT_EQ(first(runner), (Floats{2, 15}));
  EXPECT_EQ(OpRunner("Attention")
                .input({kBatch, 2, 3, 4})
                .input({kBatch, 2, 5, 4})
                .input({kBatch, 2, 5, 6})
                .shape(),
            Shape({kBatch, 2, 3, 6}));
}

TEST(AttentionOp, RefusesOperandsThatDoNotFit) {
  const auto refused = [](const Shape& q, const Shape& k, const Shape& v) {
    return error_of([&] { OpRunner("Attention").input(q).input(k).input(v).infer(); });
  };
  EXPECT_EQ(refused({1, 2, 4}, {1, 2, 4}, {1, 2, 4}),
            "operands of three dimensions need attributes 'q_num_heads' and 'kv_num_heads'");
  EXPECT_EQ(refused({1, 2, 3, 4}, {1, 2, 3, 5}, {1, 2, 3, 4}), "the size of a head of K is 5, expected 4");
  EXPECT_EQ(refused({1, 3, 3, 4}, {1, 2, 3, 4}, {1, 2, 3, 4}), "3 heads of Q cannot share 2 heads of K");
  EXPECT_EQ(refused({1, 2, 3, 4}, {1, 2, 3, 4}, {1, 2, 4, 4}), "the number of rows of V is 4, expected 3");
  EXPECT_EQ(error_of([&] { halves().attribute("qk_matmul_output_mode", 4).infer(); }),
            "attribute 'qk_matmul_output_mode' is 4, expected 0 to 3");
  EXPECT_EQ(error_of([&] {
              halves().omitted().input({1, 1, 1, 1}).infer();
            }),
            "past_key and past_value are needed both, or neither");
}

// A quarter turn: cosine 0, sine 1.
OpRunner turned(const Shape& shape) {
  OpRunner runner("RotaryEmbedding");
  runner.input(counting(shape))
      .input(Tensor::of<float>({2, 1}, {1, 0}))
      .input(Tensor::of<float>({2, 1}, {0, 1}));
  return runner;
}

TEST(RotaryEmbeddingOp, TurnsPairs) {
  OpRunner runner = turned({1, 1, 2, 2});
  runner.input(Tensor::of<std::int64_t>({1, 2}, {0, 1}));
  EXPECT_EQ(first(runner), (Floats{0, 1, -3, 2}));
  OpRunner part = turned({1, 1, 1, 4});
  part.input(Tensor::of<std::int64_t>({1, 1}, {1})).attribute("rotary_embedding_dim", 2);
  EXPECT_EQ(first(part), (Floats{-1, 0, 2, 3}));
}

TEST(RotaryEmbeddingOp, TurnsHalvesOrNeighbours) {
  OpRunner runner("RotaryEmbedding");
  runner.input(Tensor::of<float>({1, 1, 4}, {1, 2, 3, 4})).attribute("num_heads", 1);
  runner.input(Tensor::of<float>({1, 1, 2}, {0, 1})).input(Tensor::of<float>({1, 1, 2}, {1, 0}));
  EXPECT_EQ(first(runner), (Floats{-3, 2, 1, 4}));
  EXPECT_EQ(first(runner.attribute("interleaved", 1)), (Floats{-2, 1, 3, 4}));
  EXPECT_EQ(error_of([&] { runner.attribute("num_heads", 3).infer(); }),
            "4 columns cannot be divided into 3 heads");
}

}  // namespace
}  // namespace godwit::support
