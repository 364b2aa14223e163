// Kinds and properties that operators declare for passes: they must go together.
#include <gtest/gtest.h>

#include "ops/known_ops.h"

namespace godwit::ops {
namespace {

TEST(OpProperties, GoWithTheKind) {
  for (const OpDef* op : all_ops()) {
    SCOPED_TRACE(op->name);
    EXPECT_EQ(op->clamp != nullptr, op->kind == OpKind::clamp);
    EXPECT_EQ(op->product != nullptr,
              op->kind == OpKind::product || (op->kind == OpKind::integer && op->quantized != nullptr));
    if (op->kind == OpKind::movement) {
      EXPECT_NE(op->moves, nullptr);
    }
    if (op->product != nullptr) {
      EXPECT_NE(op->weights, kNoOperand);
    }
    for (const std::size_t operand : {op->weights, op->bias})
      EXPECT_TRUE(operand == kNoOperand || operand < op->max_inputs);
  }
}

TEST(OpProperties, FormsOn8BitNumbersHaveTheirOperands) {
  for (const OpDef* op : all_ops()) {
    SCOPED_TRACE(op->name);
    if (op->quantized == nullptr) continue;
    EXPECT_EQ(op->quantized->kind, OpKind::quantized);
    const std::size_t each = 3, of_result = 2;
    if (op->product == nullptr) {
      EXPECT_EQ(op->quantized->max_inputs, each * op->max_inputs + of_result);
    }
  }
}

TEST(OpProperties, NameOneOperatorEach) {
  for (const OpDef* op : {&op_add(), &op_cast(), &op_reorder(), &op_quantized_conv()})
    EXPECT_EQ(find_op(op->name, op->domain), op);
}

}  // namespace
}  // namespace godwit::ops
