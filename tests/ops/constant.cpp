// Constant: every attribute that can hold its value.
#include <gtest/gtest.h>
#include <vector>

#include "tests/support/compare.h"
#include "tests/support/counting.h"
#include "tests/support/errors.h"
#include "tests/support/op_runner.h"

namespace godwit::support {
namespace {

TEST(ConstantOp, TakesATensorOfEveryType) {
  for (const DType dtype : kAllTypes) {
    const Tensor value = counting({2, 3}, dtype);
    OpRunner runner("Constant");
    runner.attribute("value", value);
    EXPECT_TRUE(runner.folds_from_descs());
    expect_close(runner.reference()[0], value, exact());
    runner.run_implementations(exact());
  }
}

TEST(ConstantOp, TakesNumbersAndLists) {
  const Tensor real = OpRunner("Constant").attribute("value_float", 1.5F).reference()[0];
  EXPECT_EQ(real.shape(), Shape{});
  EXPECT_EQ(values_of<float>(real), (std::vector<float>{1.5F}));
  const Tensor integer = OpRunner("Constant").attribute("value_int", std::int64_t{1} << 40).reference()[0];
  EXPECT_EQ(integer.shape(), Shape{});
  EXPECT_EQ(values_of<std::int64_t>(integer), (std::vector<std::int64_t>{std::int64_t{1} << 40}));
  const Tensor reals =
      OpRunner("Constant").attribute("value_floats", std::vector<float>{1, 2.5F}).reference()[0];
  EXPECT_EQ(values_of<float>(reals), (std::vector<float>{1, 2.5F}));
  const Tensor list = OpRunner("Constant").attribute("value_ints", {3, -4, 5}).reference()[0];
  EXPECT_EQ(list.shape(), Shape({3}));
  EXPECT_EQ(values_of<std::int64_t>(list), (std::vector<std::int64_t>{3, -4, 5}));
}

TEST(ConstantOp, MayBeEmpty) {
  EXPECT_EQ(OpRunner("Constant").attribute("value", counting({0, 2})).reference()[0].shape(), Shape({0, 2}));
  EXPECT_EQ(OpRunner("Constant").attribute("value_ints", std::vector<std::int64_t>{}).reference()[0].shape(),
            Shape({0}));
}

TEST(ConstantOp, RefusesNoValueAndTwo) {
  const std::string names =
      " of the attributes 'value', 'value_float', 'value_floats', 'value_int' and 'value_ints' "
      "are there, expected one";
  EXPECT_EQ(error_of([] { OpRunner("Constant").infer(); }), "0" + names);
  EXPECT_EQ(
      error_of([] { OpRunner("Constant").attribute("value_int", 1).attribute("value_float", 1.F).infer(); }),
      "2" + names);
  EXPECT_EQ(error_of([] { OpRunner("Constant").attribute("value_string", "a").infer(); }),
            "attribute 'value_string' is not known for this operator");
  EXPECT_EQ(error_of([] { OpRunner("Constant").attribute("value_int", 1.F).infer(); }),
            "attribute 'value_int' is a real, expected an integer");
  EXPECT_EQ(error_of([] { OpRunner("Constant").attribute("value_float", 1).infer(); }),
            "attribute 'value_float' is an integer, expected a real");
}

}  // namespace
}  // namespace godwit::support
