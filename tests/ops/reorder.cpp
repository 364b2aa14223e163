// Reorder: the bytes of either layout in the other, checked against the test's own reordering.
#include <cstring>
#include <gtest/gtest.h>

#include "ops/implementation.h"
#include "tests/support/compare.h"
#include "tests/support/counting.h"
#include "tests/support/errors.h"
#include "tests/support/op_runner.h"

namespace godwit::support {
namespace {

const char* word(Layout layout) { return layout == Layout::nhwc ? "nhwc" : "nchw"; }

// Reorders `src` by whatever the op chooses first, on two threads.
Tensor reorder(const Tensor& src, Layout to) {
  const ops::OpDef& op = *ops::find_op("Reorder", "godwit");
  ops::Attributes attributes;
  attributes.set("to", std::string(word(to)));
  const TensorDesc desc = src.desc();
  const ops::Operand operand{&desc, nullptr};
  const TensorDesc result{desc.dtype, desc.shape, to};
  const ops::NodeView node{"node", attributes, {&operand, 1}, 1, {&result, 1}, {}};
  EXPECT_EQ(ops::infer(op, node)[0], result);
  ops::WeightCache weights;
  const ops::Target target;
  std::string_view chosen;
  const auto executable = ops::prepare(op, node, {target, weights}, &chosen);
  Tensor dst(result);
  if (desc.shape.elements() == 0) {
    EXPECT_EQ(chosen, "reference");
    return dst;
  }
  EXPECT_EQ(chosen, "strided_copy");
  const void* from = src.data();
  void* into = dst.mutable_data();
  run_team(2, [&](const Worker& worker) { executable->run({&from, &into, nullptr, nullptr}, worker); });
  return dst;
}

void expect_both_ways(const Tensor& nchw) {
  SCOPED_TRACE(nchw.desc().to_string());
  const Tensor nhwc = in_layout(nchw, Layout::nhwc);
  for (const Tensor& src : {nchw, nhwc}) {
    for (const Tensor& expected : {nchw, nhwc}) {
      const Tensor result = reorder(src, expected.desc().layout);
      EXPECT_EQ(std::memcmp(result.data(), expected.data(), expected.bytes()), 0);
    }
  }
}

TEST(ReorderOp, ReordersEveryType) {
  for (const DType dtype : kAllTypes) expect_both_ways(counting({2, 3, 5, 7}, dtype));
}

TEST(ReorderOp, ReordersEverySize) {
  for (const Shape& shape : {Shape{1, 3, 37, 41}, Shape{2, 70, 9, 9}, Shape{3, 5, 40}, Shape{1, 1, 4, 4},
                             Shape{2, 64, 1, 1}, Shape{1, 33, 1, 65}, Shape{0, 3, 4, 4}}) {
    expect_both_ways(counting(shape));
  }
}

TEST(ReorderOp, IsAViewWhereTheBytesAreTheSame) {
  const auto is_view = [](const Shape& shape) {
    return OpRunner("Reorder", "godwit").input(shape).is_view();
  };
  EXPECT_TRUE(is_view({kBatch, 1, 4, 4}));
  EXPECT_TRUE(is_view({kBatch, 8, 1, 1}));
  EXPECT_TRUE(is_view({2, 8, 1}));
  EXPECT_FALSE(is_view({2, 8, 1, 3}));
  EXPECT_FALSE(is_view({2, 8, 1, kAnyDim}));
  EXPECT_FALSE(is_view({2, 8, 3}));
}

TEST(ReorderOp, ReferenceIsACopy) {
  OpRunner runner("Reorder", "godwit");
  const Tensor src = counting({2, 3, 4, 5});
  runner.input(src).attribute("to", "nchw");
  expect_close(runner.reference()[0], src, exact());
  runner.run_implementations(exact());
}

TEST(ReorderOp, RefusesOtherRanksAndWords) {
  const auto error = [](const Shape& shape, const char* to) {
    return error_of([&] { OpRunner("Reorder", "godwit").input(shape).attribute("to", to).infer(); });
  };
  EXPECT_EQ(error({2, 3}, "nhwc"), "an operand of shape 2x3, expected 3 to 5 dimensions");
  EXPECT_EQ(error(Shape::unranked(), "nhwc"), "an operand of shape unranked, expected 3 to 5 dimensions");
  EXPECT_EQ(error({1, 2, 3}, "chwn"), "attribute 'to' is 'chwn', expected nchw or nhwc");
  EXPECT_EQ(error_of([] {
              OpRunner("Reorder", "godwit").input({1, 2, 3}).infer();
            }),
            "attribute 'to' is required and missing");
}

}  // namespace
}  // namespace godwit::support
