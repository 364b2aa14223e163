// PRelu: x where it is not negative, slope x below; the slopes broadcast to x.
#include <array>

#include "ops/algorithms/implementations.h"
#include "ops/elementwise.h"
#include "ops/flat.h"
#include "ops/movement.h"

namespace godwit::ops {
namespace {

constexpr std::array kTypes{DType::f32, DType::f64, DType::f16, DType::bf16,
                            DType::s32, DType::s64, DType::u32, DType::u64};

std::vector<TensorDesc> infer_prelu(const NodeView& node) {
  require_one_dtype(node, kTypes);
  require_broadcasts_to(node.shape(1), node.shape(0), "slope");
  return {{node.input(0).dtype, node.shape(0), Layout::nchw}};
}

void reference(const NodeView&, std::span<const TensorView> src, std::span<const TensorView> dst) {
  visit_number(dst[0].desc.dtype, [&]<class T>() {
    map_pairs<T, T>(src, dst[0], [](T x, T slope) {
      const auto value = static_cast<Computed<T>>(x);
      return value < 0 ? static_cast<T>(value * static_cast<Computed<T>>(slope)) : x;
    });
  });
}

}  // namespace

const OpDef& op_prelu() {
  static const OpDef def{
      .name = "PRelu",
      .sentence = "x, or slope * x where x < 0",
      .since_opset = 9,
      .min_inputs = 2,
      .max_inputs = 2,
      .kind = OpKind::elementwise,
      .infer = infer_prelu,
      .reference = reference,
      .cost = cost_per_element<2>,
      .layout = layout_of_binary,
      .takes_16_bits = true,
      .batch_separable = broadcast_keeps_images_apart,
      .implementations = {&binary_prelu, &flat<reference>},
  };
  return def;
}

}  // namespace godwit::ops
