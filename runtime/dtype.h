// Element types: the enumeration, its traits and a visitor, all made from dtype.inc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "runtime/float16.h"
#include "runtime/narrow_numbers.h"

namespace godwit {

enum class DType : std::uint8_t {
#define GODWIT_DTYPE(name, type, onnx, numpy) name,
#include "runtime/dtype.inc"
#undef GODWIT_DTYPE
};

// Maps a storage type to its DType: dtype_of<float> == DType::f32.
template <class T>
struct DTypeOf;
#define GODWIT_DTYPE(name, type, onnx, numpy)   \
  template <>                                   \
  struct DTypeOf<type> {                        \
    static constexpr DType value = DType::name; \
  };
#include "runtime/dtype.inc"
#undef GODWIT_DTYPE
template <class T>
inline constexpr DType dtype_of = DTypeOf<T>::value;

// Bytes of one element in memory.
std::size_t size_of(DType dtype);
// Bits of one element in ONNX files, which pack those below 8 bits, the first into the lowest bits of a byte.
int packed_bits_of(DType dtype);
// "f32", "s64", ….
std::string_view name_of(DType dtype);
// The number ONNX's TensorProto.DataType gives this type, and back; nullopt for numbers that are not in the
// list.
int onnx_code_of(DType dtype);
std::optional<DType> dtype_from_onnx(int code);
// The .npy header's descr; bf16, which numpy lacks, is written as two raw bytes ("<V2"). Those of narrow
// types do not lead back to them.
std::string_view numpy_descr_of(DType dtype);
std::optional<DType> dtype_from_numpy(std::string_view descr);
std::optional<DType> dtype_from_name(std::string_view name);

// Floats of 8 and 4 bits, integers of 4 and 2: stored, moved and converted, but not computed with.
constexpr bool is_narrow(DType dtype) { return dtype >= DType::f8e4m3fn; }
constexpr bool is_narrow_float(DType dtype) { return is_narrow(dtype) && dtype <= DType::f4e2m1; }
// Real numbers, narrow ones included.
constexpr bool is_float(DType dtype) {
  return dtype == DType::f32 || dtype == DType::f64 || dtype == DType::f16 || dtype == DType::bf16 ||
         is_narrow_float(dtype);
}
constexpr bool is_integer(DType dtype) { return !is_float(dtype) && dtype != DType::boolean; }

// Calls visitor.template operator()<T>() with the storage type T of `dtype`.
template <class Visitor>
decltype(auto) visit_dtype(DType dtype, Visitor&& visitor) {
  switch (dtype) {
#define GODWIT_DTYPE(name, type, onnx, numpy) \
  case DType::name:                           \
    return visitor.template operator()<type>();
#include "runtime/dtype.inc"
#undef GODWIT_DTYPE
  }
  __builtin_unreachable();
}

}  // namespace godwit
