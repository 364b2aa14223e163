// Operators on 16-bit floats: every implementation against the reference, on every ISA. (Conv is in
// conv.cpp.)
#include <array>
#include <bit>
#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <string>
#include <vector>

#include "ops/arithmetic.h"
#include "tests/support/compare.h"
#include "tests/support/op_runner.h"
#include "tests/support/random.h"

namespace godwit::support {
namespace {

constexpr DType kStored[] = {DType::f16, DType::bf16};

// Ran at all on more than the reference.
void expect_ran(const std::vector<Ran>& all, std::string_view implementation) {
  EXPECT_TRUE(did_run(all, implementation)) << implementation;
}

TEST(SixteenBits, GemmAndMatMul) {
  for (const DType dtype : kStored) {
    for (const auto& [m, n, k] :
         {std::array<std::int64_t, 3>{1, 1, 1}, {1, 100, 67}, {5, 17, 33}, {13, 40, 128}}) {
      SCOPED_TRACE(std::string(name_of(dtype)) + " " + std::to_string(n));
      for (const bool transposed : {false, true}) {
        OpRunner gemm("Gemm");
        gemm.input(random_tensor({m, k}, 1))
            .constant(random_tensor(transposed ? Shape{n, k} : Shape{k, n}, 2));
        gemm.constant(random_tensor({n}, 3)).attribute("transB", transposed ? 1 : 0).clamp(-1, 2);
        const OpRunner narrow = gemm.stored_as(dtype, 2);
        expect_ran(narrow.run_implementations(rounded_to(dtype, product_sum_bound(gemm, k + 2))),
                   "gemm_panels");
        OpRunner widening = narrow;
        expect_ran(widening.dst_f32().run_implementations(product_sum_bound(widening, k)), "gemm_panels");
        EXPECT_EQ(widening.infer()[0].dtype, DType::f32);
      }
      OpRunner product("MatMul");
      product.input(random_tensor({2, m, k}, 1)).constant(random_tensor({k, n}, 2));
      const OpRunner narrow = product.stored_as(dtype);
      expect_ran(narrow.run_implementations(rounded_to(dtype, product_sum_bound(product, k + 2))),
                 "mat_mul_panels");
      OpRunner computed("MatMul");
      computed.input(random_tensor({2, 3, m, k}, 1)).input(random_tensor({3, k, n}, 2));
      const OpRunner narrow_computed = computed.stored_as(dtype);
      expect_ran(narrow_computed.run_implementations(rounded_to(dtype, product_sum_bound(computed, k + 2))),
                 "mat_mul_computed");
      OpRunner widening = narrow_computed;
      expect_ran(widening.dst_f32().run_implementations(product_sum_bound(widening, k)), "mat_mul_computed");
    }
  }
}

TEST(SixteenBits, Pools) {
  for (const DType dtype : kStored) {
    for (const Shape& shape : {Shape{1, 1, 5, 5}, Shape{2, 19, 9, 7}, Shape{1, 70, 6, 6}}) {
      OpRunner largest("MaxPool");
      largest.input(random_tensor(shape, 5, -2, -1)).attribute("kernel_shape", {3, 3});
      largest.attribute("strides", {2, 1}).attribute("pads", {1, 1, 1, 1});
      expect_ran(largest.stored_as(dtype).run_implementations(exact()), "max_pool_nhwc");
      OpRunner mean("AveragePool");
      mean.input(random_tensor(shape, 5, 1, 2))
          .attribute("kernel_shape", {3, 3})
          .attribute("pads", {1, 1, 1, 1});
      // Sums of up to nine numbers of one sign, and the factor.
      expect_ran(mean.stored_as(dtype).run_implementations(rounded_to(dtype, roundings(11))),
                 "average_pool_nhwc");
      OpRunner all("GlobalAveragePool");
      all.input(random_tensor(shape, 5, 1, 2));
      const std::int64_t pixels = shape.product(2, 4);
      expect_ran(all.stored_as(dtype).run_implementations(rounded_to(dtype, roundings(pixels + 2))),
                 "global_average_pool_nhwc");
    }
    // A window wholly in the padding.
    OpRunner outside("MaxPool");
    outside.input(random_tensor({1, 5, 2, 2}, 1))
        .attribute("kernel_shape", {1, 1})
        .attribute("pads", {1, 1, 1, 1});
    expect_ran(outside.stored_as(dtype).run_implementations(exact()), "max_pool_nhwc");
  }
}

TEST(SixteenBits, ElementwiseFunctions) {
  for (const DType dtype : kStored) {
    for (const Shape& shape : {Shape{1}, Shape{2, 19, 3, 3}, Shape{5000}}) {
      const auto unary = [&](const char* op, const Bound& bound, const char* implementation) {
        OpRunner runner(op);
        runner.input(random_tensor(shape, 7, -9, 9));
        expect_ran(runner.stored_as(dtype).run_implementations(rounded_to(dtype, bound)), implementation);
      };
      unary("Relu", exact(), "unary_relu");
      unary("LeakyRelu", roundings(2), "unary_leaky_relu");
      unary("Sigmoid", roundings(16), "unary_sigmoid");
      // The inner sum cancels: its error is relative to 1.
      const Bound inner = [](const Element&) { return gamma(4) * 10; };
      unary("HardSigmoid", inner, "unary_hard_sigmoid");
      unary("HardSwish", inner, "unary_hard_swish");
      OpRunner clip("Clip");
      clip.input(random_tensor(shape, 7, -9, 9)).constant(Tensor::of<float>({}, {-1.0F}));
      clip.constant(Tensor::of<float>({}, {6.0F}));
      expect_ran(clip.stored_as(dtype).run_implementations(exact()), "unary_clip");
    }
  }
}

TEST(SixteenBits, ArithmeticRoundsOnce) {
  for (const DType dtype : kStored) {
    for (const Shape& other : {Shape{2, 19, 3, 3}, Shape{19, 1, 1}, Shape{1}}) {
      for (const char* op : {"Add", "Sub", "Mul", "Div"}) {
        OpRunner runner(op);
        runner.input(random_tensor({2, 19, 3, 3}, 1)).input(random_tensor(other, 2, 1, 4));
        // One f32 operation on 16-bit numbers, rounded to 16 bits, is exact.
        const auto ran = runner.stored_as(dtype).run_implementations(exact());
        EXPECT_GT(ran.size(), 1U);
      }
    }
  }
}

// All 65,536 numbers to f32 and back, and f32 numbers between them.
TEST(SixteenBits, ConversionsAreExactAndRoundHalfToEven) {
  for (const DType dtype : kStored) {
    Tensor every(TensorDesc{dtype, {65536}, Layout::nchw});
    for (std::int64_t i = 0; i < 65536; ++i) {
      static_cast<std::uint16_t*>(every.mutable_data())[i] = static_cast<std::uint16_t>(i);
    }
    OpRunner widen("Cast");
    widen.input(every).attribute("to", onnx_code_of(DType::f32));
    expect_ran(widen.run_implementations(exact()), "cast_spans");

    std::vector<float> numbers{0.0F,
                               -0.0F,
                               65504.0F,
                               65519.99F,
                               65520.0F,
                               -1e30F,
                               1e-30F,
                               0x1p-24F,
                               0x1p-25F,
                               0x1.8p-25F,
                               0x1p-14F,
                               0x1.ffp-15F,
                               std::numeric_limits<float>::infinity(),
                               -std::numeric_limits<float>::infinity(),
                               std::numeric_limits<float>::quiet_NaN(),
                               std::numeric_limits<float>::max(),
                               std::numeric_limits<float>::denorm_min()};
    Random random(3);
    for (int i = 0; i < 20000; ++i) {
      numbers.push_back(std::bit_cast<float>(static_cast<std::uint32_t>(random.next())));
      // Halfway between two of the 16-bit numbers, and beside that.
      const auto step =
          static_cast<float>(value_at(every, static_cast<std::size_t>(random.integer(0, 0x7bff))));
      const auto next = std::nextafter(step * 1.00048828125F, 1e38F);
      numbers.push_back(step * 1.00048828125F);
      numbers.push_back(next);
      numbers.push_back(step * 1.00390625F);
    }
    OpRunner narrow("Cast");
    narrow.input(Tensor::of<float>({static_cast<std::int64_t>(numbers.size())}, numbers));
    narrow.attribute("to", onnx_code_of(dtype));
    expect_ran(narrow.run_implementations(exact()), "cast_spans");
  }
}

}  // namespace
}  // namespace godwit::support
