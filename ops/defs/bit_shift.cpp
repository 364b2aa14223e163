// BitShift: bits of an unsigned integer moved up or down; beyond its width none is left.
#include <array>

#include "ops/elementwise.h"
#include "ops/flat.h"
#include "ops/movement.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

constexpr std::array kUnsigned{DType::u8, DType::u16, DType::u32, DType::u64};

std::vector<TensorDesc> infer_bit_shift(const NodeView& node) {
  require_one_dtype(node, kUnsigned);
  const std::string direction = node.attributes.string("direction", "");
  if (direction != "LEFT" && direction != "RIGHT")
    throw Error("attribute 'direction' is '" + direction + "', expected 'LEFT' or 'RIGHT'");
  return infer_binary(node);
}

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const bool left = node.attributes.string("direction", "") == "LEFT";
  map_integers(src, dst[0], [left]<class T>(T a, T b) -> T {
    if (static_cast<std::uint64_t>(b) >= 8 * sizeof(T)) return 0;
    return static_cast<T>(left ? static_cast<std::uint64_t>(a) << b : static_cast<std::uint64_t>(a) >> b);
  });
}

}  // namespace

const OpDef& op_bit_shift() {
  static const OpDef def{
      .name = "BitShift",
      .sentence = "bits of an unsigned integer moved up or down",
      .since_opset = 11,
      .min_inputs = 2,
      .max_inputs = 2,
      .attributes = {{"direction", AttributeType::string, true}},
      .kind = OpKind::elementwise,
      .infer = infer_bit_shift,
      .reference = reference,
      .layout = layout_of_binary,
      .batch_separable = broadcast_keeps_images_apart,
      .implementations = {&flat<reference>},
  };
  return def;
}

}  // namespace godwit::ops
