// GatherElements, GatherND, ScatterElements, Scatter, ScatterND and TensorScatter: elements by their indices.
#include <gtest/gtest.h>
#include <limits>
#include <vector>

#include "tests/support/compare.h"
#include "tests/support/counting.h"
#include "tests/support/errors.h"
#include "tests/support/op_runner.h"

namespace godwit::support {
namespace {

using Floats = std::vector<float>;
constexpr std::int64_t kFirst = std::numeric_limits<std::int64_t>::min();

Tensor indices(const Shape& shape, std::initializer_list<std::int64_t> values) {
  return Tensor::of<std::int64_t>(shape, values);
}
Floats first(const OpRunner& runner) { return values_of<float>(runner.reference()[0]); }

TEST(GatherElementsOp, TakesElements) {
  OpRunner rows("GatherElements");
  rows.input(counting({3, 3})).constant(indices({2, 3}, {1, 2, 0, -1, 0, 0}));
  EXPECT_EQ(first(rows), (Floats{3, 7, 2, 6, 1, 2}));
  rows.run_implementations(exact());
  OpRunner columns("GatherElements");
  columns.input(counting({2, 2})).constant(indices({2, 2}, {0, 0, 1, 0})).attribute("axis", 1);
  EXPECT_EQ(first(columns), (Floats{0, 0, 3, 2}));
  for (const DType dtype : kAllTypes)
    OpRunner("GatherElements")
        .input(counting({3, 2}, dtype))
        .constant(indices({1, 2}, {2, 0}))
        .run_implementations(exact());
  OpRunner wild("GatherElements");
  wild.input(counting({3})).input(indices({4}, {3, -4, kFirst, 2}));
  EXPECT_EQ(first(wild), (Floats{0, 0, 0, 2}));
  OpRunner few("GatherElements");
  few.input(counting({3})).bounded(indices({2}, {2, 1}), {at_most(5)});
  EXPECT_EQ(few.shape(), Shape({at_most(5)}));
  EXPECT_EQ(first(few), (Floats{2, 1}));
}

TEST(GatherElementsOp, Refuses) {
  const auto error = [](const Shape& src, const Tensor& list) {
    return error_of([&] { OpRunner("GatherElements").input(src).constant(list).infer(); });
  };
  EXPECT_EQ(error({2, 3}, indices({1}, {0})), "input 1 (indices) has 1 dimension, expected 2 as input 0");
  EXPECT_EQ(error({2, 1}, indices({1, 2}, {0, 0})),
            "input 1 (indices) has shape 1x2, expected at most 1 along dimension 1");
  EXPECT_EQ(error({2}, indices({1}, {2})),
            "input 1 (indices) has index 2, out of range for a dimension of 2");
}

TEST(GatherNDOp, TakesSlices) {
  OpRunner elements("GatherND");
  elements.input(counting({2, 2})).constant(indices({2, 2}, {0, 0, 1, -1}));
  EXPECT_EQ(first(elements), (Floats{0, 3}));
  OpRunner slices("GatherND");
  slices.input(counting({2, 2, 2})).constant(indices({2, 1, 2}, {0, 1, 1, 0}));
  EXPECT_EQ(slices.shape(), Shape({2, 1, 2}));
  EXPECT_EQ(first(slices), (Floats{2, 3, 4, 5}));
  slices.run_implementations(exact());
  OpRunner batch("GatherND");
  batch.input(counting({2, 2, 2})).constant(indices({2, 1}, {1, 0})).attribute("batch_dims", 1);
  EXPECT_EQ(first(batch), (Floats{2, 3, 4, 5}));
  OpRunner wild("GatherND");
  wild.input(counting({2, 2})).input(indices({3, 1}, {2, kFirst, 1}));
  EXPECT_EQ(first(wild), (Floats{0, 0, 0, 0, 2, 3}));
  OpRunner few("GatherND");
  few.input(counting({4, 2})).bounded(indices({1, 1}, {3}), {at_most(5), 1});
  EXPECT_EQ(few.shape(), Shape({at_most(5), 2}));
  EXPECT_EQ(first(few), (Floats{6, 7}));
  for (const DType dtype : kAllTypes)
    OpRunner("GatherND")
        .input(counting({3, 2}, dtype))
        .constant(indices({2, 1}, {2, 0}))
        .run_implementations(exact());
}

TEST(GatherNDOp, Refuses) {
  const auto error = [](const Shape& src, const Shape& list, int batch) {
    return error_of([&] {
      OpRunner("GatherND")
          .input(src)
          .input(TensorDesc{DType::s64, list})
          .attribute("batch_dims", batch)
          .infer();
    });
  };
  EXPECT_EQ(error({2, 3}, {4, 3}, 0), "input 1 (indices) has shape 4x3; its last dimension must be 1 to 2");
  EXPECT_EQ(error({2, 3}, {3, 1}, 1), "input 1 has shape 3x1 and input 0 has 2x3; dimension 0 must be 2");
  EXPECT_EQ(error({2, 3}, {2, 1}, 2), "attribute 'batch_dims' is 2, expected 0 to 1");
}

TEST(ScatterElementsOp, ReplacesAndCombines) {
  const auto scatter = [](const char* reduction) {
    OpRunner runner("ScatterElements");
    runner.input(Tensor::of<float>({1, 5}, {1, 2, 3, 4, 5})).constant(indices({1, 3}, {1, -2, 1}));
    return runner.input(Tensor::of<float>({1, 3}, {1.5F, -2, 3}))
        .attribute("axis", 1)
        .attribute("reduction", reduction);
  };
  EXPECT_EQ(first(scatter("none")), (Floats{1, 3, 3, -2, 5}));
  EXPECT_EQ(first(scatter("add")), (Floats{1, 6.5F, 3, 2, 5}));
  EXPECT_EQ(first(scatter("mul")), (Floats{1, 9, 3, -8, 5}));
  EXPECT_EQ(first(scatter("max")), (Floats{1, 3, 3, 4, 5}));
  EXPECT_EQ(first(scatter("min")), (Floats{1, 1.5F, 3, -2, 5}));
  EXPECT_EQ(error_of([&] { scatter("mean").infer(); }),
            "attribute 'reduction' is 'mean', expected none, add, mul, max or min");
  scatter("add").run_implementations(exact());
  OpRunner wild("ScatterElements");
  wild.input(counting({3})).input(indices({3}, {3, kFirst, 0})).input(Tensor::of<float>({3}, {7, 8, 9}));
  EXPECT_EQ(first(wild), (Floats{9, 1, 2}));
}

TEST(ScatterElementsOp, TakesEveryWideType) {
  for (const char* reduction : {"none", "add", "mul", "max", "min"}) {
    for (const DType dtype : kAllTypes) {
      OpRunner runner("ScatterElements");
      runner.input(counting({2, 3}, dtype))
          .constant(indices({1, 3}, {1, 0, 1}))
          .input(counting({1, 3}, dtype));
      runner.attribute("reduction", reduction);
      if (is_narrow(dtype)) {
        EXPECT_NE(error_of([&] { runner.infer(); }), "");
      } else {
        runner.run_implementations(exact());
      }
    }
  }
  OpRunner bytes("Scatter");
  bytes.input(Tensor::of<std::uint8_t>({2}, {250, 1}))
      .constant(indices({1}, {0}))
      .input(Tensor::of<std::uint8_t>({1}, {9}));
  EXPECT_EQ(values_of<std::uint8_t>(bytes.reference()[0]), (std::vector<std::uint8_t>{9, 1}));
  OpRunner wrapped("ScatterElements");
  wrapped.input(Tensor::of<std::uint8_t>({1}, {250})).constant(indices({1}, {0}));
  wrapped.input(Tensor::of<std::uint8_t>({1}, {9})).attribute("reduction", "add");
  EXPECT_EQ(values_of<std::uint8_t>(wrapped.reference()[0]), (std::vector<std::uint8_t>{3}));
}

TEST(ScatterElementsOp, Refuses) {
  const auto error = [](const Shape& src, const Shape& list, const TensorDesc& updates) {
    return error_of([&] {
      OpRunner("ScatterElements").input(src).input(TensorDesc{DType::s64, list}).input(updates).infer();
    });
  };
  EXPECT_EQ(error({2, 3}, {1, 3}, {DType::f32, {1, 2}}),
            "input 2 (updates) has shape 1x2, expected 1x3 as input 1");
  EXPECT_EQ(error({2, 3}, {3}, {DType::f32, {3}}),
            "input 1 (indices) has 1 dimension, expected 2 as input 0");
  EXPECT_EQ(error({2}, {1}, {DType::s8, {1}}), "input 2 (updates) is s8, expected f32 as input 0");
}

TEST(ScatterNDOp, ReplacesAndCombines) {
  const auto scatter = [](const char* reduction) {
    OpRunner runner("ScatterND");
    runner.input(counting({3, 2})).constant(indices({2, 1}, {2, -1}));
    return runner.input(Tensor::of<float>({2, 2}, {1, 9, 3, 2})).attribute("reduction", reduction);
  };
  EXPECT_EQ(first(scatter("none")), (Floats{0, 1, 2, 3, 3, 2}));
  EXPECT_EQ(first(scatter("add")), (Floats{0, 1, 2, 3, 8, 16}));
  EXPECT_EQ(first(scatter("max")), (Floats{0, 1, 2, 3, 4, 9}));
  scatter("mul").run_implementations(exact());
  OpRunner elements("ScatterND");
  elements.input(counting({2, 2})).constant(indices({1, 2}, {1, 0})).input(Tensor::of<float>({1}, {7}));
  EXPECT_EQ(first(elements), (Floats{0, 1, 7, 3}));
  OpRunner wild("ScatterND");
  wild.input(counting({2})).input(indices({2, 1}, {2, 1})).input(Tensor::of<float>({2}, {7, 8}));
  EXPECT_EQ(first(wild), (Floats{0, 8}));
  OpRunner few("ScatterND");
  few.input(counting({3}))
      .bounded(indices({1, 1}, {2}), {at_most(3), 1})
      .bounded(counting({1}), {at_most(3)});
  EXPECT_EQ(first(few), (Floats{0, 1, 0}));
  EXPECT_EQ(few.shape(), Shape({3}));
  EXPECT_EQ(error_of([] {
              OpRunner("ScatterND").input({3, 2}).input(TensorDesc{DType::s64, {2, 1}}).input({2, 3}).infer();
            }),
            "input 2 (updates) has shape 2x3, which does not go with data of 3x2 and indices of 2x1");
}

TEST(TensorScatterOp, WritesIntoACache) {
  const auto scatter = [](const char* mode, const Tensor& positions) {
    OpRunner runner("TensorScatter");
    runner.input(counting({2, 4, 1})).input(Tensor::of<float>({2, 2, 1}, {50, 51, 52, 53})).input(positions);
    return runner.attribute("mode", mode);
  };
  EXPECT_EQ(first(scatter("linear", integers({1, 2}))), (Floats{0, 50, 51, 3, 4, 5, 52, 53}));
  EXPECT_EQ(first(scatter("circular", integers({3, 0}))), (Floats{51, 1, 2, 50, 52, 53, 6, 7}));
  EXPECT_EQ(first(scatter("linear", integers({3, -9}))), (Floats{0, 1, 2, 50, 52, 53, 6, 7}));
  OpRunner start("TensorScatter");
  start.input(counting({1, 3})).input(Tensor::of<float>({1, 2}, {8, 9})).attribute("axis", 1);
  EXPECT_EQ(first(start), (Floats{8, 9, 2}));
  start.run_implementations(exact());
  EXPECT_EQ(error_of([] {
              OpRunner("TensorScatter").input({1, 3}).input({1, 4}).attribute("axis", 1).infer();
            }),
            "input 1 (update) has shape 1x4, longer than the cache of 1x3");
  EXPECT_EQ(error_of([] {
              OpRunner("TensorScatter").input({1, 3}).input({1, 3}).infer();
            }),
            "attribute 'axis' names dimension 0, the batch");
}

}  // namespace
}  // namespace godwit::support
