// Gemm, MatMul and Linear with constant weights on the GEMM core: fully connected layers.
#include <cstring>
#include <fmt/format.h>
#include <vector>

#include "ops/algorithms/gemm.h"
#include "ops/algorithms/implementations.h"
#include "ops/arithmetic.h"

namespace godwit::ops {
namespace {

// A node's work for the core: dst (m × n) = src (m × k) · weights (k × n, or n × k when transposed) ·
// alpha.
struct Product {
  std::int64_t m, n, k;
  bool transposed;
  float alpha;
};

class GemmPanels final : public Executable {
 public:
  GemmPanels(const NodeView& node, const PrepareContext& context, const Product& product,
             std::vector<float> bias)
      : product_(product),
        dtype_(node.input(0).dtype),
        dst_dtype_(node.outputs[0].dtype),
        kernels_(gemm_kernels(context.target.isa, dtype_)),
        format_(dtype_, context.target.isa, kernels_),
        layout_{product.n, format_.steps(product.k), kernels_.nr, kernels_.step_bytes},
        epilogue_(node.epilogue),
        residual_index_(node.inputs.size() - 1),
        bias_(std::move(bias)) {
    if (!bias_.empty()) bias_.resize(static_cast<std::size_t>(layout_.panels() * layout_.nr), 0.0F);
    const Tensor& weights = *node.inputs[1].constant;
    const std::string format = fmt::format("gemm_panels_{}x{}{}_alpha_{}", layout_.nr, kernels_.kr,
                                           product.transposed ? "_t" : "", product.alpha);
    weights_ = context.weights.get(weights, format, layout_.bytes(), [&](std::byte* dst) {
      visit_kernel_float(dtype_, [&]<class T>() { pack<T>(weights.resident(), context.threads, dst); });
    });
  }

  Scratch scratch() const override {
    return {.shared = 0, .per_worker = gemm_scratch_bytes(kernels_, shape(), copy_rows())};
  }
  bool may_overwrite_residual() const override { return true; }
  std::string kernel() const override { return name_of(*kernels_.full); }
  bool reads_constant(std::size_t i) const override { return i != 1 && i != 2; }

  void run(const RunArgs& args, const Worker& worker) const override {
    GemmCall call;
    call.tiles = &kernels_;
    call.shape = shape();
    call.copy_rows = copy_rows();
    call.row_bytes = format_.steps(product_.k) * kStepBytes;
    call.format = &format_;
    call.numbers = product_.k;
    call.weights = weights_.get();
    call.bias = bias_.empty() ? nullptr : bias_.data();
    call.dst_dtype = dst_dtype_;
    if (epilogue_.residual) call.residual = args.src[residual_index_];
    call.residual_stride = product_.n;
    call.dst = args.dst[0];
    call.dst_stride = product_.n;
    call.minimum = epilogue_.minimum;
    call.maximum = epilogue_.maximum;
    const auto* src = static_cast<const std::byte*>(args.src[0]);
    const std::int64_t row_bytes = format_.bytes(product_.k);
    run_gemm(
        call,
        [&](std::int64_t row, int count, const void** pointers) {
          for (int r = 0; r < count; ++r) pointers[r] = src + (row + r) * row_bytes;
        },
        args.worker_scratch, worker);
  }

 private:
  GemmShape shape() const { return {product_.m, product_.n, 1, format_.steps(product_.k)}; }
  bool copy_rows() const {
    return !format_.as_it_lies(product_.k) || (product_.m > 1 && rows_collide(format_.bytes(product_.k)));
  }
  template <class T>
  void pack(const Tensor& weights, int threads, std::byte* dst) const {
    const T* src = weights.values<T>().data();
    const auto weight = [&](std::int64_t column, std::int64_t, std::int64_t k) {
      const T value = product_.transposed ? src[column * product_.k + k] : src[k * product_.n + column];
      if constexpr (std::is_same_v<T, float>) return product_.alpha * value;
      if constexpr (!std::is_same_v<T, float>) return value;
    };
    pack_panels(layout_, 1, product_.k, threads, weight, reinterpret_cast<T*>(dst));
  }

  Product product_;
  DType dtype_, dst_dtype_;
  const GemmKernels& kernels_;
  RowFormat format_;
  PanelLayout layout_;
  Epilogue epilogue_;
  std::size_t residual_index_;
  std::vector<float> bias_;
  std::shared_ptr<const std::byte> weights_;
};

std::string reject_common(const NodeView& node) {
  if (!is_kernel_float(node.input(0).dtype)) return "needs f32, f16 or bf16";
  if (node.inputs[1].constant == nullptr) return "needs constant weights";
  if (node.outputs[0].shape.elements() == 0 || node.shape(0).elements() == 0) return "has nothing to compute";
  return {};
}

std::string reject_gemm(const NodeView& node, const Target&) {
  if (std::string reason = reject_common(node); !reason.empty()) return reason;
  if (node.attributes.flag("transA", false)) return "needs transA = 0";
  if (node.input(0).dtype != DType::f32 && node.attributes.real("alpha", 1.0F) != 1.0F)
    return "needs alpha = 1 in 16 bits";
  if (node.own_inputs() > 2 && node.has_input(2)) {
    if (node.inputs[2].constant == nullptr || node.input(2).dtype != DType::f32)
      return "needs a constant f32 C";
    const Shape& c = node.shape(2);
    const std::int64_t n = node.outputs[0].shape[1];
    if (c.elements() != 1 && (c.elements() != n || c[c.rank() - 1] != n)) return "needs a C that is one row";
  }
  return {};
}

std::unique_ptr<Executable> prepare_gemm(const NodeView& node, const PrepareContext& context) {
  const Shape& dst = node.outputs[0].shape;
  const Product product{dst[0], dst[1], node.shape(0)[1], node.attributes.flag("transB", false),
                        node.attributes.real("alpha", 1.0F)};
  std::vector<float> bias;
  if (node.own_inputs() > 2 && node.has_input(2)) {
    const auto c = node.inputs[2].constant->values<float>();
    const float beta = node.attributes.real("beta", 1.0F);
    bias.resize(static_cast<std::size_t>(product.n));
    for (std::size_t i = 0; i < bias.size(); ++i) bias[i] = beta * c[c.size() == 1 ? 0 : i];
  }
  return std::make_unique<GemmPanels>(node, context, product, std::move(bias));
}

std::string reject_mat_mul(const NodeView& node, const Target&) {
  if (std::string reason = reject_common(node); !reason.empty()) return reason;
  if (node.shape(1).rank() != 2) return "needs weights of rank 2";
  if (node.shape(0).rank() < 2) return "needs a src of rank 2 or more";
  if (node.input(0).layout != Layout::nchw) return "needs nchw";
  return {};
}

std::unique_ptr<Executable> prepare_mat_mul(const NodeView& node, const PrepareContext& context) {
  const Shape& weights = node.shape(1);
  const Product product{node.outputs[0].shape.elements() / weights[1], weights[1], weights[0], false, 1.0F};
  return std::make_unique<GemmPanels>(node, context, product, std::vector<float>{});
}

std::string reject_linear(const NodeView& node, const Target& target) {
  if (has_own_input(node, 2) && (node.inputs[2].constant == nullptr || node.input(2).dtype != DType::f32))
    return "needs a constant f32 bias";
  return reject_mat_mul(node, target);
}

std::unique_ptr<Executable> prepare_linear(const NodeView& node, const PrepareContext& context) {
  const Shape& weights = node.shape(1);
  const Product product{node.outputs[0].shape.elements() / weights[1], weights[1], weights[0], false, 1.0F};
  std::vector<float> bias;
  if (has_own_input(node, 2)) {
    const auto values = node.inputs[2].constant->values<float>();
    bias.assign(values.begin(), values.end());
  }
  return std::make_unique<GemmPanels>(node, context, product, std::move(bias));
}

}  // namespace

const Implementation linear_panels{"linear_panels", "constant weights packed for the GEMM core",
                                   reject_linear, prepare_linear};
const Implementation gemm_panels{"gemm_panels", "constant weights packed for the GEMM core", reject_gemm,
                                 prepare_gemm};
const Implementation mat_mul_panels{"mat_mul_panels", "constant weights packed for the GEMM core",
                                    reject_mat_mul, prepare_mat_mul};

}  // namespace godwit::ops
