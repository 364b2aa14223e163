// Traits of the element types, read off dtype.inc.
#include "runtime/dtype.h"

#include <array>

namespace godwit {
namespace {

struct Row {
  DType dtype;
  std::string_view name;
  std::size_t size;
  int packed_bits;
  int onnx;
  std::string_view numpy;
};

template <class T>
constexpr int packed_bits() {
  if constexpr (requires { T::kBits; })
    return T::kBits;
  else
    return static_cast<int>(sizeof(T)) * 8;
}

constexpr std::array kRows = {
#define GODWIT_DTYPE(name, type, onnx, numpy) \
  Row{DType::name, #name, sizeof(type), packed_bits<type>(), onnx, numpy},
#include "runtime/dtype.inc"
#undef GODWIT_DTYPE
};

const Row& row(DType dtype) { return kRows[static_cast<std::size_t>(dtype)]; }

template <class Match>
std::optional<DType> find(const Match& match) {
  for (const Row& candidate : kRows) {
    if (match(candidate)) return candidate.dtype;
  }
  return std::nullopt;
}

}  // namespace

std::size_t size_of(DType dtype) { return row(dtype).size; }
int packed_bits_of(DType dtype) { return row(dtype).packed_bits; }
std::string_view name_of(DType dtype) { return row(dtype).name; }
int onnx_code_of(DType dtype) { return row(dtype).onnx; }
std::string_view numpy_descr_of(DType dtype) { return row(dtype).numpy; }

std::optional<DType> dtype_from_onnx(int code) {
  return find([&](const Row& r) { return r.onnx == code; });
}
std::optional<DType> dtype_from_numpy(std::string_view descr) {
  return find([&](const Row& r) { return r.numpy == descr && !is_narrow(r.dtype); });
}
std::optional<DType> dtype_from_name(std::string_view name) {
  return find([&](const Row& r) { return r.name == name; });
}

}  // namespace godwit
