// Cast between f32 and 16-bit floats, over the bytes as one span whatever the layout.
#include "ops/algorithms/implementations.h"
#include "ops/arithmetic.h"
#include "ops/kernel_table.h"

namespace godwit::ops {
namespace {

class ConvertSpans final : public Executable {
 public:
  ConvertSpans(const NodeView& node, const PrepareContext& context)
      : count_(node.outputs[0].shape.elements()),
        src_bytes_(static_cast<std::int64_t>(size_of(node.input(0).dtype))),
        dst_bytes_(static_cast<std::int64_t>(size_of(node.outputs[0].dtype))),
        kernel_(node.input(0).dtype == DType::f32
                    ? find_kernel(families::narrow, node.outputs[0].dtype, context.target.isa)
                    : find_kernel(families::widen, node.input(0).dtype, context.target.isa)) {}

  std::string kernel() const override { return name_of(*kernel_.info); }

  void run(const RunArgs& args, const Worker& worker) const override {
    const Worker::Range share = worker.share(count_, 1024);
    if (share.begin == share.end) return;
    kernel_({.src = static_cast<const std::byte*>(args.src[0]) + share.begin * src_bytes_,
             .dst = static_cast<std::byte*>(args.dst[0]) + share.begin * dst_bytes_,
             .count = share.end - share.begin});
  }

 private:
  std::int64_t count_, src_bytes_, dst_bytes_;
  Kernel<ConvertKernel> kernel_;
};

std::string reject(const NodeView& node, const Target&) {
  const DType from = node.input(0).dtype, to = node.outputs[0].dtype;
  const bool narrows = from == DType::f32 && is_16_bit_float(to);
  const bool dst_f32 = is_16_bit_float(from) && to == DType::f32;
  return narrows || dst_f32 ? "" : "is for f32 to a 16-bit float or back";
}

}  // namespace

const Implementation cast_spans{
    "cast_spans", "vectors between f32 and a 16-bit float", reject,
    [](const NodeView& node, const PrepareContext& context) -> std::unique_ptr<Executable> {
      return std::make_unique<ConvertSpans>(node, context);
    }};

}  // namespace godwit::ops
