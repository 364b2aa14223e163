// Constants as another floating-point type.
#include "engine/convert.h"

#include "ops/arithmetic.h"
#include "runtime/memory.h"

namespace godwit::engine {
namespace {

// Fewer elements than this are converted at once.
constexpr std::int64_t kFew = 4096;

void convert(const Tensor& src, DType dtype, void* dst) {
  const std::int64_t count = src.shape().elements();
  ops::visit_float(src.dtype(), [&]<class From>() {
    const From* from = src.values<From>().data();
    ops::visit_float(dtype, [&]<class To>() {
      for (std::int64_t i = 0; i < count; ++i) {
        // Through a double only where it rounds: from f32 one conversion is one rounding.
        if constexpr (std::is_same_v<From, double>) {
          static_cast<To*>(dst)[i] = static_cast<To>(from[i]);
        } else {
          static_cast<To*>(dst)[i] = static_cast<To>(static_cast<float>(from[i]));
        }
      }
    });
  });
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
