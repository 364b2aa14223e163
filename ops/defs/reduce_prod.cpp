// ReduceProd: the product over some axes; integers wrap around.
#include "ops/reduction.h"

namespace godwit::ops {
namespace {

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  visit_reduced(dst[0].desc.dtype, [&]<class T>() {
    using Product = std::conditional_t<std::is_integral_v<T>, std::uint64_t, double>;
    for_each_group<T>(node, src, [&](std::int64_t to, const auto& group) {
      Product product = 1;
      group([&](T value) { product *= static_cast<Product>(value); });
      dst[0].as<T>()[to] = static_cast<T>(product);
    });
  });
}

}  // namespace

const OpDef& op_reduce_prod() {
  static const OpDef def = reduction("ReduceProd", "the product over some axes", 18, reference);
  return def;
}

}  // namespace godwit::ops
