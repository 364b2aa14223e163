// Typed attributes: ONNX's defaults, and that what is set is read.
#include "ops/attribute_views.h"

#include <gtest/gtest.h>

#include "tests/support/errors.h"

namespace godwit::ops {
namespace {

TEST(AttributeViews, HaveOnnxDefaults) {
  const Attributes none;
  const GemmAttributes gemm(none);
  EXPECT_EQ(gemm.alpha, 1.0F);
  EXPECT_EQ(gemm.beta, 1.0F);
  EXPECT_FALSE(gemm.transposes_a || gemm.transposes_b);
  EXPECT_EQ(QuantizationAttributes(none).axis, 1);
  EXPECT_FALSE(QuantizationAttributes(none).sets_dtype);
  EXPECT_EQ(batch_norm_epsilon(none), 1e-5F);
  EXPECT_TRUE(keeps_dims(none));
}

TEST(AttributeViews, ReadWhatWasSet) {
  Attributes attributes;
  attributes.set("alpha", 0.5F);
  attributes.set("beta", 2.0F);
  attributes.set("transB", std::int64_t{1});
  const GemmAttributes gemm(attributes);
  EXPECT_EQ(gemm.alpha, 0.5F);
  EXPECT_EQ(gemm.beta, 2.0F);
  EXPECT_TRUE(gemm.transposes_b && !gemm.transposes_a);
  erase_alpha(attributes);
  erase_beta(attributes);
  EXPECT_EQ(attributes.all().size(), 1U);
  set_quantization_axis(attributes, 3);
  EXPECT_EQ(QuantizationAttributes(attributes).axis, 3);
}

TEST(AttributeViews, CastNamesAnElementType) {
  Attributes attributes;
  set_cast_dtype(attributes, DType::bf16);
  EXPECT_EQ(cast_dtype(attributes), DType::bf16);
  attributes.set("to", std::int64_t{999});
  EXPECT_EQ(support::error_of([&] { (void)cast_dtype(attributes); }),
            "attribute 'to' is 999, which is no element type known here");
}

}  // namespace
}  // namespace godwit::ops
