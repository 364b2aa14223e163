// Fully connected layers on 8-bit numbers: rows of src, widened where the kernels want 16 bits, by packed
// weights.
#include "ops/algorithms/gemm_quantized.h"
#include "ops/algorithms/implementations.h"

namespace godwit::ops {
namespace {

using In = QuantizedOperand;

// Places of the weights of (depth, columns).
struct MatrixFeed {
  std::int64_t columns;
  std::int64_t stride() const { return columns; }
  std::int64_t operator()(std::int64_t, std::int64_t column, std::int64_t, std::int64_t k) const {
    return k * columns + column;
  }
};

class MatMulQuantized final : public Executable {
 public:
  MatMulQuantized(const NodeView& node, const PrepareContext& context)
      : depth_(node.shape(In::weights)[0]),
        columns_(node.shape(In::weights)[1]),
        weights_(node, context, {1, columns_, 1, depth_}, "quantized_matrix", MatrixFeed{columns_}),
        kernels_(weights_.kernels()),
        widen_(find_function(families::widen, DType::u8, context.target.isa)),
        shape_{node.outputs[0].shape.elements() / columns_, columns_, 1, steps_of(depth_, kernels_.kr)} {}

  Scratch scratch() const override {
    return {.shared = 0, .per_worker = gemm_scratch_bytes(kernels_, shape_, copy_rows())};
  }
  std::string kernel() const override { return name_of(*kernels_.full); }
  bool reads_constant(std::size_t) const override { return false; }

  void run(const RunArgs& args, const Worker& worker) const override {
    QuantizedGemmCall call;
    call.tiles = &kernels_;
    call.shape = shape_;
    call.row_bytes = depth_;
    call.copy_rows = copy_rows();
    call.numbers = depth_;
    call.widen = widen_;
    weights_.set(call, 0);
    call.dst = args.dst[0];
    call.dst_stride = columns_;
    const auto* src = static_cast<const std::uint8_t*>(args.src[In::src]);
    run_gemm(
        call,
        [&](std::int64_t row, int count, const void** pointers) {
          for (int r = 0; r < count; ++r) pointers[r] = src + (row + r) * depth_;
        },
        args.worker_scratch, worker);
  }

 private:
  bool copy_rows() const {
    return kernels_.kr != 4 || depth_ % 4 != 0 || (shape_.rows > 1 && rows_collide(depth_));
  }

  std::int64_t depth_, columns_;
  QuantizedWeights weights_;
  const QuantizedGemmKernels& kernels_;
  ConvertKernel* widen_;
  GemmShape shape_;
};

std::string reject(const NodeView& node, const Target&) {
  if (std::string reason = reject_quantized(node); !reason.empty()) return reason;
  if (node.input(In::src).layout != Layout::nchw) return "needs nchw";
  return {};
}

}  // namespace

const Implementation mat_mul_quantized{
    "mat_mul_quantized", "constant weights packed for the GEMM core, sums in 32-bit integers", reject,
    [](const NodeView& node, const PrepareContext& context) -> std::unique_ptr<Executable> {
      return std::make_unique<MatMulQuantized>(node, context);
    }};

}  // namespace godwit::ops
