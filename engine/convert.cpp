// Constants as another floating-point type.
#include "engine/convert.h"

#include "ops/arithmetic.h"
#include "ops/kernel_table.h"
#include "runtime/cpu.h"
#include "runtime/memory.h"

namespace godwit::engine {
namespace {

// Fewer elements than this are converted at once.
constexpr std::int64_t kFew = 4096;

// By a kernel where there is one: they round as scalar code does.
bool convert_by_kernel(const Tensor& src, DType dtype, void* dst) {
  const bool narrows = src.dtype() == DType::f32 && ops::is_16_bit_float(dtype);
  const bool dst_f32 = ops::is_16_bit_float(src.dtype()) && dtype == DType::f32;
  if (!narrows && !dst_f32) return false;
  const auto family = narrows ? ops::families::narrow : ops::families::widen;
  auto* const kernel = ops::find_function(family, narrows ? dtype : src.dtype(), best_isa());
  kernel({.src = src.data(), .dst = dst, .count = src.shape().elements()});
  return true;
}

void convert(const Tensor& src, DType dtype, void* dst) {
  if (convert_by_kernel(src, dtype, dst)) return;
  const TensorView from = src.view(), to{{dtype, src.shape(), src.desc().layout}, dst};
  const std::int64_t count = src.shape().elements();
  for (std::int64_t i = 0; i < count; ++i) ops::set_real(to, i, ops::real_at(from, i));
}

}  // namespace

Tensor converted(const Tensor& tensor, DType dtype) {
  const TensorDesc desc{dtype, tensor.shape(), tensor.desc().layout};
  if (tensor.shape().elements() < kFew) {
    Tensor result(desc);
    convert(tensor.resident(), dtype, result.mutable_data());
    return result;
  }
  return Tensor::on_demand(desc, [tensor, desc] {
    const std::shared_ptr<std::byte> bytes = allocate_aligned(desc.bytes());
    convert(tensor.resident(), desc.dtype, bytes.get());
    return std::shared_ptr<const void>(bytes);
  });
}

}  // namespace godwit::engine
