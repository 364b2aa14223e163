// Pad: every mode, layout and type, pads that cut off, and pads that leave nothing to repeat.
#include <gtest/gtest.h>
#include <vector>

#include "tests/support/compare.h"
#include "tests/support/counting.h"
#include "tests/support/errors.h"
#include "tests/support/op_runner.h"

namespace godwit::support {
namespace {

using List = std::initializer_list<std::int64_t>;
constexpr const char* kModes[] = {"constant", "reflect", "edge", "wrap"};

OpRunner pad(const Tensor& src, List pads, const char* mode = "constant") {
  OpRunner runner("Pad");
  runner.input(src).constant(integers(pads)).attribute("mode", mode);
  return runner;
}

// 1, 2, 3 padded.
std::vector<float> of_three(std::int64_t begin, std::int64_t end, const char* mode) {
  const OpRunner runner = pad(Tensor::of<float>({3}, {1, 2, 3}), {begin, end}, mode);
  runner.run_implementations(exact());
  return values_of<float>(runner.reference()[0]);
}

Shape shape_of(const Shape& src, List pads, const char* mode = "constant") {
  return OpRunner("Pad").input(src).constant(integers(pads)).attribute("mode", mode).shape();
}

TEST(PadOp, KnowsEveryMode) {
  using Values = std::vector<float>;
  EXPECT_EQ(of_three(2, 1, "constant"), (Values{0, 0, 1, 2, 3, 0}));
  EXPECT_EQ(of_three(2, 2, "reflect"), (Values{3, 2, 1, 2, 3, 2, 1}));
  EXPECT_EQ(of_three(5, 6, "reflect"), (Values{2, 1, 2, 3, 2, 1, 2, 3, 2, 1, 2, 3, 2, 1}));
  EXPECT_EQ(of_three(2, 3, "edge"), (Values{1, 1, 1, 2, 3, 3, 3, 3}));
  EXPECT_EQ(of_three(2, 4, "wrap"), (Values{2, 3, 1, 2, 3, 1, 2, 3, 1}));
}

TEST(PadOp, CutsOffWhatIsNegative) {
  using Values = std::vector<float>;
  for (const char* mode : kModes) EXPECT_EQ(of_three(-1, 0, mode), (Values{2, 3}));
  EXPECT_EQ(of_three(-1, 2, "constant"), (Values{2, 3, 0, 0}));
  EXPECT_EQ(of_three(-1, 2, "edge"), (Values{2, 3, 3, 3}));
  EXPECT_EQ(of_three(-1, 2, "reflect"), (Values{2, 3, 2, 3}));
  EXPECT_EQ(of_three(-1, 2, "wrap"), (Values{2, 3, 2, 3}));
  EXPECT_EQ(of_three(2, -2, "constant"), (Values{0, 0, 1}));
  EXPECT_EQ(of_three(2, -2, "reflect"), (Values{1, 1, 1}));
  EXPECT_EQ(of_three(-4, 5, "constant"), (Values{0, 0, 0, 0}));
  EXPECT_EQ(of_three(5, -4, "constant"), (Values{0, 0, 0, 0}));
  EXPECT_EQ(of_three(-3, 0, "edge"), Values{});
}

TEST(PadOp, TakesAValueAndAxes) {
  OpRunner runner("Pad");
  runner.input(counting({2, 2})).constant(integers({1, 0})).input(Tensor::of<float>({}, {1.25F}));
  runner.constant(integers({-1}));
  EXPECT_EQ(values_of<float>(runner.reference()[0]), (std::vector<float>{1.25F, 0, 1, 1.25F, 2, 3}));
  runner.run_implementations(exact());
}

TEST(PadOp, PadsEveryLayoutAndMode) {
  for (const char* mode : kModes) {
    for (const List& pads :
         {List{0, 0, 1, 2, 0, 0, 3, 1}, List{1, 0, 0, 0, 0, 2, 0, 0}, List{0, 2, -1, 1, 1, 1, 2, -2},
          List{0, 0, 0, 0, 0, 0, 0, 0}, List{0, 0, 3, 0, 0, 0, 3, 0}}) {
      const OpRunner runner = pad(counting({2, 3, 4, 5}), pads, mode);
      EXPECT_EQ(runner.layout(), ops::LayoutRule::follows);
      EXPECT_TRUE(did_run(runner.run_implementations(exact()), "pad_rows"));
    }
  }
  pad(counting({}), {}).run_implementations(exact());
  pad(counting({0, 2}), {1, 1, 1, 1}).run_implementations(exact());
  pad(counting({2, 0, 3}), {0, 0, 1, 0, 0, 1}).run_implementations(exact());
}

TEST(PadOp, PadsEveryType) {
  for (const DType dtype : kAllTypes) {
    for (const char* mode : kModes) {
      OpRunner runner = pad(counting({2, 3, 4}, dtype), {1, 0, 2, 0, 1, 1}, mode);
      runner.run_implementations(exact());
      const Tensor numbers = counting({8}, dtype);
      const std::size_t size = size_of(dtype);
      const auto* last = static_cast<const std::byte*>(numbers.data()) + 7 * size;
      runner.constant(Tensor({dtype, {1}, Layout::nchw}, last, std::make_shared<Tensor>(numbers)));
      runner.run_implementations(exact());
    }
  }
}

TEST(PadOp, IsAViewWherePadsAreZero) {
  EXPECT_TRUE(pad(counting({2, 3}), {0, 0, 0, 0}).is_view());
  EXPECT_FALSE(pad(counting({2, 3}), {0, 1, 0, -1}).is_view());
  EXPECT_FALSE(OpRunner("Pad").input({2}).input(TensorDesc{DType::s64, {2}}).is_view());
}

TEST(PadOp, KeepsSymbolsThatAreNotPadded) {
  EXPECT_EQ(shape_of({kBatch, 3, kOther}, {0, 1, 1, 0, 1, 0}), Shape({kBatch, 5, kAnyDim}));
  EXPECT_EQ(shape_of(Shape::unranked(), {0, 1}), Shape::unranked());
  const TensorDesc four{DType::s64, {4}}, two{DType::s64, {2}};
  EXPECT_EQ(OpRunner("Pad").input({kBatch, 3}).input(four).shape(), Shape({kAnyDim, kAnyDim}));
  EXPECT_EQ(OpRunner("Pad").input({kBatch, 3}).input(two).omitted().constant(integers({1})).shape(),
            Shape({kBatch, kAnyDim}));
  EXPECT_EQ(OpRunner("Pad").input({2, 3}).input(two).omitted().input(TensorDesc{DType::s64, {1}}).shape(),
            Shape({kAnyDim, kAnyDim}));
}

TEST(PadOp, RefusesWhatDoesNotFit) {
  const auto error = [](const Shape& src, List pads, const char* mode = "constant") {
    return error_of([&] { shape_of(src, pads, mode); });
  };
  EXPECT_EQ(error({2, 3}, {1, 1}), "input 1 (pads) has 2 values, expected 4 (two for each axis)");
  EXPECT_EQ(error({3}, {-2, -2}), "pads -2 and -2 leave nothing of a dimension of 3");
  EXPECT_EQ(error({3}, {std::int64_t{1} << 62, 0}), "a pad of 4611686018427387904 is out of range");
  EXPECT_EQ(error({std::int64_t{1} << 62, 0}, {1, 0, 0, 0}),
            "a dimension of 4611686018427387904 is too large to be padded");
  EXPECT_EQ(error({0}, {1, 0}, "edge"), "a dimension of 0 with pads 1 and 0 has no element to repeat");
  EXPECT_EQ(error({3}, {-3, 1}, "reflect"), "a dimension of 3 with pads -3 and 1 has no element to repeat");
  EXPECT_EQ(error({3}, {1, 1}, "mirror"),
            "attribute 'mode' is 'mirror', expected constant, reflect, edge or wrap");
  const auto with_value = [](const Tensor& value) {
    return error_of([&] { OpRunner("Pad").input({3}).constant(integers({1, 1})).constant(value).infer(); });
  };
  EXPECT_EQ(with_value(integers({1})), "input 2 (constant_value) is s64, expected f32 as input 0");
  EXPECT_EQ(with_value(counting({2})), "input 2 (constant_value) has shape 2, expected one element");
}

}  // namespace
}  // namespace godwit::support
