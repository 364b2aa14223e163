// HammingWindow: Hamming's window of a given size.
#include "ops/cosine_window.h"

namespace godwit::ops {
namespace {

void reference(const NodeView& node, std::span<const TensorView>, std::span<const TensorView> dst) {
  fill_cosine_window(node, {25.0 / 46, 21.0 / 46, 0}, dst[0]);
}

}  // namespace

const OpDef& op_hamming_window() {
  static const OpDef def = cosine_window_op("HammingWindow", "Hamming's window of a given size", reference);
  return def;
}

}  // namespace godwit::ops
