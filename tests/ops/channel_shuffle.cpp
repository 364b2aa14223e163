// ChannelShuffle: groups, parts and operands, layouts and types, and what does not fit.
#include <gtest/gtest.h>
#include <vector>

#include "tests/support/compare.h"
#include "tests/support/counting.h"
#include "tests/support/errors.h"
#include "tests/support/op_runner.h"

namespace godwit::support {
namespace {

OpRunner shuffle(std::int64_t groups, std::int64_t start, std::int64_t channels,
                 const std::vector<Tensor>& operands) {
  OpRunner runner("ChannelShuffle", "godwit");
  runner.attribute("groups", groups).attribute("start", start).attribute("channels", channels);
  for (const Tensor& operand : operands) runner.input(operand);
  return runner;
}

using Floats = std::vector<float>;
Floats first(const OpRunner& runner) { return values_of<float>(runner.reference()[0]); }

TEST(ChannelShuffleOp, TakesOneOfEachGroupInTurn) {
  const Tensor six = Tensor::of<float>({1, 6, 1}, {0, 1, 2, 3, 4, 5});
  EXPECT_EQ(first(shuffle(2, 0, 6, {six})), (Floats{0, 3, 1, 4, 2, 5}));
  EXPECT_EQ(first(shuffle(3, 0, 6, {six})), (Floats{0, 2, 4, 1, 3, 5}));
  EXPECT_EQ(first(shuffle(2, 1, 4, {six})), (Floats{3, 1, 4, 2}));
  const Tensor a = Tensor::of<float>({2, 1, 1}, {0, 1}), b = Tensor::of<float>({2, 3, 1}, {2, 3, 4, 5, 6, 7});
  EXPECT_EQ(first(shuffle(2, 0, 4, {a, b})), (Floats{0, 3, 2, 4, 1, 6, 5, 7}));
}

TEST(ChannelShuffleOp, TakesEveryLayoutAndType) {
  for (const std::int64_t groups : {1, 2, 3, 4}) {
    const Tensor whole = counting({2, 24, 3, 5}), half = counting({2, 12, 3, 5});
    for (const auto& operands : {std::vector{whole}, std::vector{half, half}}) {
      for (const std::int64_t start : {0, 12}) {
        const OpRunner runner = shuffle(groups, start, 12, operands);
        EXPECT_EQ(runner.layout(), ops::LayoutRule::follows);
        const std::vector<Ran> ran = runner.run_implementations(exact());
        EXPECT_TRUE(did_run(ran, "strided_copy"));
        EXPECT_TRUE(did_run(ran, "shuffle_pixels"));
      }
    }
    // A single group, and the middle one of three, lies in both operands.
    EXPECT_EQ(did_run(shuffle(groups, 0, 24, {half, half}).run_implementations(exact()), "shuffle_pixels"),
              groups % 2 == 0);
    // A part with more channels of one group than of another.
    if (groups > 1) {
      EXPECT_FALSE(did_run(shuffle(groups, 1, 13, {whole}).run_implementations(exact()), "shuffle_pixels"));
    }
  }
  for (const DType dtype : kAllTypes) {
    EXPECT_TRUE(did_run(shuffle(2, 0, 10, {counting({1, 10, 7}, dtype)}).run_implementations(exact()),
                        "shuffle_pixels"));
  }
  shuffle(2, 0, 0, {counting({1, 10, 7})}).run_implementations(exact());
  shuffle(2, 0, 10, {counting({0, 10, 7, 2, 2})}).run_implementations(exact());
}

TEST(ChannelShuffleOp, InfersShapes) {
  OpRunner runner("ChannelShuffle", "godwit");
  runner.attribute("groups", 2).attribute("start", 4).attribute("channels", 6);
  runner.input({kBatch, 8, 5, kAnyDim}).input({kAnyDim, 8, kAnyDim, kOther});
  EXPECT_EQ(runner.shape(), Shape({kBatch, 6, 5, kOther}));
}

TEST(ChannelShuffleOp, RefusesWhatDoesNotFit) {
  const auto error = [](std::int64_t groups, std::int64_t start, std::int64_t channels,
                        const std::vector<Tensor>& operands) {
    return error_of([&] { shuffle(groups, start, channels, operands).infer(); });
  };
  const Tensor image = counting({1, 6, 2, 2});
  EXPECT_EQ(error(4, 0, 6, {image}), "6 channels cannot be split into 4 groups");
  EXPECT_EQ(error(0, 0, 6, {image}), "6 channels cannot be split into 0 groups");
  EXPECT_EQ(error(2, 2, 5, {image}), "5 channels from 2 on, of 6");
  EXPECT_EQ(error(2, -1, 5, {image}), "5 channels from -1 on, of 6");
  EXPECT_EQ(error(2, 0, 6, {image, counting({1, 6, 2, 3})}),
            "input 1 has shape 1x6x2x3, expected images like input 0 and known channels");
  EXPECT_EQ(error(2, 0, 6, {counting({1, 6})}),
            "input 0 has shape 1x6, expected images like input 0 and known channels");
}

}  // namespace
}  // namespace godwit::support
