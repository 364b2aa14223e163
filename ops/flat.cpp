// Tensors as one axis of elements, of which each member of the team takes a part.
#include "ops/flat.h"

#include <array>

namespace godwit::ops {
namespace {

constexpr std::size_t kFlatOperands = 8;

class FlatExecutable final : public Executable {
 public:
  FlatExecutable(ReferenceFunction reference, const NodeView& node)
      : reference_(reference),
        attributes_(node.attributes),
        epilogue_(node.epilogue),
        dst_{node.outputs[0]},
        count_(node.outputs[0].shape.elements()) {
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      present_[i] = node.has_input(i);
      if (present_[i]) descs_[i] = node.input(i);
      if (present_[i]) operands_[i].desc = &descs_[i];
    }
    operand_count_ = node.inputs.size();
  }

  void run(const RunArgs& args, const Worker& worker) const override {
    const Worker::Range share = worker.share(count_, 64);  // whole cache lines of any type
    if (share.begin == share.end) return;
    std::array<TensorView, kFlatOperands> src{};
    for (std::size_t i = 0; i < operand_count_; ++i) {
      if (present_[i]) src[i] = part(descs_[i], args.src[i], share);
    }
    const std::array<TensorView, 1> dst{part(dst_[0], args.dst[0], share)};
    const NodeView node{"", attributes_, {operands_.data(), operand_count_}, 1, dst_, epilogue_};
    reference_(node, {src.data(), operand_count_}, dst);
  }

 private:
  static TensorView part(const TensorDesc& desc, const void* data, const Worker::Range& share) {
    const bool repeated = desc.shape.elements() == 1;
    const auto first = static_cast<std::size_t>(repeated ? 0 : share.begin) * size_of(desc.dtype);
    const Shape shape{repeated ? 1 : share.end - share.begin};
    return {{desc.dtype, shape, Layout::nchw},
            const_cast<std::byte*>(static_cast<const std::byte*>(data) + first)};
  }

  ReferenceFunction reference_;
  Attributes attributes_;
  Epilogue epilogue_;
  std::array<TensorDesc, kFlatOperands> descs_{};
  std::array<Operand, kFlatOperands> operands_{};
  std::array<bool, kFlatOperands> present_{};
  std::size_t operand_count_ = 0;
  std::array<TensorDesc, 1> dst_;
  std::int64_t count_;
};

}  // namespace

std::string reject_flat(const NodeView& node, const Target&) {
  if (node.inputs.size() > kFlatOperands) return "takes at most 8 operands";
  if (node.epilogue.residual) return "adds no residual";
  const TensorDesc& dst = node.outputs[0];
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    if (!node.has_input(i) || node.shape(i).elements() == 1) continue;
    if (node.shape(i) != dst.shape || node.input(i).layout != dst.layout)
      return "needs operands of the result's shape and layout, or one number";
  }
  return {};
}

std::unique_ptr<Executable> prepare_flat(ReferenceFunction reference, const NodeView& node) {
  return std::make_unique<FlatExecutable>(reference, node);
}

}  // namespace godwit::ops
