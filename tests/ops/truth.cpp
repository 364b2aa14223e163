// Operators of truth values and bits: comparisons, logic, shifts; values, broadcasting, types, refusals.
#include <cstdint>
#include <fmt/format.h>
#include <functional>
#include <gtest/gtest.h>
#include <limits>
#include <ostream>
#include <string>
#include <vector>

#include "tests/support/compare.h"
#include "tests/support/counting.h"
#include "tests/support/errors.h"
#include "tests/support/op_runner.h"

namespace godwit::support {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
using Truth = std::vector<bool>;

struct Comparison {
  const char* op;
  Truth result;  // of {1, 2, 3, NaN} and 2
};
void PrintTo(const Comparison& row, std::ostream* out) { *out << row.op; }
class Comparisons : public testing::TestWithParam<Comparison> {};

TEST_P(Comparisons, CompareNumbersWithBroadcasting) {
  OpRunner runner(GetParam().op);
  runner.input(Tensor::of<float>({2, 2}, {1, 2, 3, kNan})).input(Tensor::of<float>({1}, {2}));
  EXPECT_EQ(values_of<bool>(runner.reference()[0]), GetParam().result);
  runner.run_implementations(exact());
}

TEST_P(Comparisons, TakeEveryNumber) {
  for (const DType dtype : kAllTypes) {
    OpRunner runner(GetParam().op);
    runner.input(counting({4}, dtype)).input(counting({4}, dtype));
    const bool computed = dtype != DType::boolean && !is_narrow(dtype);
    EXPECT_EQ(error_of([&] { runner.infer(); }).empty(), computed) << name_of(dtype);
    if (!computed) continue;
    // Element by element the same numbers: true where equality is enough.
    const bool with_equality = std::string(GetParam().op).find("OrEqual") != std::string::npos;
    EXPECT_EQ(values_of<bool>(runner.reference()[0]), Truth(4, with_equality));
    runner.run_implementations(exact());
  }
  // Signs are not lost between types.
  OpRunner runner(GetParam().op);
  runner.input(Tensor::of<std::int64_t>({1}, {-1})).input(Tensor::of<std::int64_t>({1}, {1}));
  EXPECT_EQ(values_of<bool>(runner.reference()[0])[0], GetParam().result[0]);
}

INSTANTIATE_TEST_SUITE_P(Ops, Comparisons,
                         testing::Values(Comparison{"Greater", {false, false, true, false}},
                                         Comparison{"GreaterOrEqual", {false, true, true, false}},
                                         Comparison{"Less", {true, false, false, false}},
                                         Comparison{"LessOrEqual", {true, true, false, false}}),
                         [](const auto& row) { return std::string(row.param.op); });

TEST(LogicOps, AreTheirTables) {
  const Tensor a = Tensor::of<bool>({2, 1}, {false, true}), b = Tensor::of<bool>({2}, {false, true});
  const auto table = [&](const char* op) {
    OpRunner runner(op);
    runner.input(a).input(b).run_implementations(exact());
    return values_of<bool>(runner.reference()[0]);
  };
  EXPECT_EQ(table("And"), (Truth{false, false, false, true}));
  EXPECT_EQ(table("Or"), (Truth{false, true, true, true}));
  EXPECT_EQ(table("Xor"), (Truth{false, true, true, false}));
  OpRunner runner("Not");
  runner.input(b).run_implementations(exact());
  EXPECT_EQ(values_of<bool>(runner.reference()[0]), (Truth{true, false}));
  EXPECT_EQ(error_of([] { OpRunner("And").input({2}).input({2}).infer(); }),
            "input 0 is f32, expected boolean");
}

TEST(BitOps, WorkOnEveryBit) {
  const Tensor a = Tensor::of<std::int16_t>({2}, {0x0ff0, -1}),
               b = Tensor::of<std::int16_t>({2}, {0x3c3c, 5});
  const auto bits = [&](const char* op) {
    OpRunner runner(op);
    runner.input(a).input(b).run_implementations(exact());
    return values_of<std::int16_t>(runner.reference()[0]);
  };
  EXPECT_EQ(bits("BitwiseAnd"), (std::vector<std::int16_t>{0x0c30, 5}));
  EXPECT_EQ(bits("BitwiseOr"), (std::vector<std::int16_t>{0x3ffc, -1}));
  EXPECT_EQ(bits("BitwiseXor"), (std::vector<std::int16_t>{0x33cc, -6}));
  OpRunner runner("BitwiseNot");
  runner.input(a).run_implementations(exact());
  EXPECT_EQ(values_of<std::int16_t>(runner.reference()[0]), (std::vector<std::int16_t>{-0x0ff1, 0}));
  for (const DType dtype :
       {DType::s8, DType::u8, DType::u16, DType::s32, DType::u32, DType::s64, DType::u64}) {
    OpRunner same("BitwiseAnd");
    same.input(counting({3}, dtype)).input(counting({3}, dtype));
    EXPECT_EQ(value_at(same.reference()[0], 2), 2);
  }
  EXPECT_EQ(error_of([] { OpRunner("BitwiseNot").input({2}).infer(); }),
            "input 0 is f32, expected s8, u8, s16, u16, s32, s64, u32 or u64");
}

TEST(BitShiftOp, MovesBitsOutOfTheWidth) {
  const auto shifted = [](const char* direction) {
    OpRunner runner("BitShift");
    runner.input(Tensor::of<std::uint8_t>({4}, {0x81, 1, 255, 255}));
    runner.input(Tensor::of<std::uint8_t>({4}, {1, 7, 8, 200})).attribute("direction", direction);
    runner.run_implementations(exact());
    return values_of<std::uint8_t>(runner.reference()[0]);
  };
  EXPECT_EQ(shifted("LEFT"), (std::vector<std::uint8_t>{2, 128, 0, 0}));
  EXPECT_EQ(shifted("RIGHT"), (std::vector<std::uint8_t>{0x40, 0, 0, 0}));
  EXPECT_EQ(error_of([&] { shifted("UP"); }), "attribute 'direction' is 'UP', expected 'LEFT' or 'RIGHT'");
  const TensorDesc signs{DType::s8, {2}, {}};
  EXPECT_EQ(error_of([&] {
              OpRunner("BitShift").input(signs).input(signs).attribute("direction", "LEFT").infer();
            }),
            "input 0 is s8, expected u8, u16, u32 or u64");
}

TEST(IsNaNOp, TellsNaN) {
  OpRunner runner("IsNaN");
  runner.input(Tensor::of<float>({3}, {1, kNan, kInf})).run_implementations(exact());
  EXPECT_EQ(values_of<bool>(runner.reference()[0]), (Truth{false, true, false}));
  for (const DType dtype : {DType::f64, DType::f16, DType::bf16}) {
    OpRunner stored_runner("IsNaN");
    stored_runner.input(stored(Tensor::of<float>({2}, {kNan, 1}), dtype));
    EXPECT_EQ(values_of<bool>(stored_runner.reference()[0]), (Truth{true, false}));
  }
}

TEST(IsInfOp, TellsInfinitiesOfTheSignsAskedFor) {
  const Tensor src = Tensor::of<float>({4}, {1, kNan, kInf, -kInf});
  const auto found = [&](int negative, int positive) {
    OpRunner runner("IsInf");
    runner.input(src).attribute("detect_negative", negative).attribute("detect_positive", positive);
    runner.run_implementations(exact());
    return values_of<bool>(runner.reference()[0]);
  };
  EXPECT_EQ(found(1, 1), (Truth{false, false, true, true}));
  EXPECT_EQ(found(0, 1), (Truth{false, false, true, false}));
  EXPECT_EQ(found(1, 0), (Truth{false, false, false, true}));
}

}  // namespace
}  // namespace godwit::support
