// The list of element types and the traits made from it.
#include "runtime/dtype.h"

#include <gtest/gtest.h>
#include <vector>

namespace godwit {
namespace {

std::vector<DType> all() {
  return {
#define GODWIT_DTYPE(name, type, onnx, numpy) DType::name,
#include "runtime/dtype.inc"
#undef GODWIT_DTYPE
  };
}

TEST(DType, NamesAndCodesLeadBack) {
  for (const DType dtype : all()) {
    EXPECT_EQ(dtype_from_name(name_of(dtype)), dtype);
    EXPECT_EQ(dtype_from_onnx(onnx_code_of(dtype)), dtype);
    // numpy has no narrow types: their bytes come back as what numpy calls them.
    if (!is_narrow(dtype)) {
      EXPECT_EQ(dtype_from_numpy(numpy_descr_of(dtype)), dtype);
    }
  }
}

TEST(DType, UnknownNamesAndCodesLeadNowhere) {
  EXPECT_EQ(dtype_from_name("float"), std::nullopt);
  EXPECT_EQ(dtype_from_name(""), std::nullopt);
  EXPECT_EQ(dtype_from_onnx(0), std::nullopt);
  EXPECT_EQ(dtype_from_onnx(8), std::nullopt);  // strings
  EXPECT_EQ(dtype_from_onnx(-1), std::nullopt);
  EXPECT_EQ(dtype_from_numpy(">f4"), std::nullopt);
  EXPECT_EQ(dtype_from_numpy("|V1"), std::nullopt);
}

TEST(DType, TheVisitorGetsTheStorageType) {
  for (const DType dtype : all()) {
    visit_dtype(dtype, [&]<class T>() {
      EXPECT_EQ(dtype_of<T>, dtype);
      EXPECT_EQ(sizeof(T), size_of(dtype));
    });
  }
}

TEST(DType, EveryTypeIsFloatOrIntegerOrBoolean) {
  for (const DType dtype : all()) {
    EXPECT_EQ(is_float(dtype) + is_integer(dtype) + (dtype == DType::boolean), 1) << name_of(dtype);
  }
  EXPECT_TRUE(is_float(DType::bf16));
  EXPECT_TRUE(is_float(DType::f8e5m2));
  EXPECT_TRUE(is_integer(DType::u4));
  EXPECT_FALSE(is_narrow(DType::bf16));
  EXPECT_TRUE(is_integer(DType::u64));
}

TEST(DType, FilesPackWhatIsNarrowerThanAByte) {
  for (const DType dtype : all()) {
    const bool packed = dtype == DType::f4e2m1 || dtype == DType::u4 || dtype == DType::s4 ||
                        dtype == DType::u2 || dtype == DType::s2;
    EXPECT_EQ(packed_bits_of(dtype) < 8, packed) << name_of(dtype);
    if (!packed) {
      EXPECT_EQ(packed_bits_of(dtype), static_cast<int>(size_of(dtype)) * 8) << name_of(dtype);
    }
  }
}

}  // namespace
}  // namespace godwit
