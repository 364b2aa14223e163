// Gemm: alpha A B + beta C on matrices, either of them transposed.
#include <fmt/format.h>
#include <vector>

#include "ops/algorithms/implementations.h"
#include "ops/arithmetic.h"
#include "ops/attribute_views.h"
#include "ops/axes.h"
#include "ops/broadcast.h"
#include "ops/known_ops.h"
#include "runtime/counted.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

// Rows and columns of operand `i` as it is multiplied.
struct Matrix {
  std::int64_t rows = kAnyDim, columns = kAnyDim;
};
Matrix matrix_of(const NodeView& node, std::size_t i, std::string_view transposed) {
  require_rank(node, i, 2, 2);
  const Shape& shape = node.shape(i);
  const bool swap = node.attributes.flag(transposed, false);
  if (!shape.ranked()) return {};
  return swap ? Matrix{shape[1], shape[0]} : Matrix{shape[0], shape[1]};
}

std::vector<TensorDesc> infer_gemm(const NodeView& node) {
  require_product_dtypes(node, kMatrixTypes);
  const Matrix a = matrix_of(node, 0, "transA");
  const Matrix b = matrix_of(node, 1, "transB");
  if (!may_be_same_dim(a.columns, b.rows)) {
    throw Error(fmt::format("A has {} and B {} rows, expected the same number", counted(a.columns, "column"),
                            b.rows));
  }
  const TensorDesc dst{product_dtype(node), {a.rows, b.columns}, Layout::nchw};
  if (has_own_input(node, 2)) require_broadcasts_to(node.shape(2), dst.shape, "C");
  require_residual(node, dst);
  return {dst};
}

// An integer times a real number, cut to a whole one; times 1 it stays as it is.
template <class T>
std::uint64_t scaled(double factor, T value) {
  if (factor == 1) return static_cast<std::uint64_t>(value);
  return static_cast<std::uint64_t>(number_from<T>(factor * static_cast<double>(value)));
}

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const std::int64_t rows = dst[0].desc.shape[0], columns = dst[0].desc.shape[1];
  const bool trans_a = node.attributes.flag("transA", false);
  const bool trans_b = node.attributes.flag("transB", false);
  const std::int64_t depth = src[0].desc.shape[trans_a ? 0 : 1];
  const auto alpha = static_cast<double>(node.attributes.real("alpha", 1));
  const auto beta = static_cast<double>(node.attributes.real("beta", 1));
  const bool has_c = has_own_input(node, 2);
  BroadcastIndex c(dst[0].desc.shape, has_c ? src[2].desc.shape : Shape{});
  visit_number(src[0].desc.dtype, [&]<class T>() {
    using Value = std::conditional_t<std::is_integral_v<T>, std::uint64_t, double>;
    const T* a = src[0].as<const T>();
    const T* b = src[1].as<const T>();
    for (std::int64_t i = 0; i < rows * columns; ++i, c.next()) {
      const std::int64_t m = i / columns, n = i % columns;
      Value sum = 0;
      for (std::int64_t k = 0; k < depth; ++k) {
        sum += static_cast<Value>(a[trans_a ? k * rows + m : m * depth + k]) *
               static_cast<Value>(b[trans_b ? n * depth + k : k * columns + n]);
      }
      if constexpr (std::is_integral_v<T>) {
        const std::uint64_t added = has_c ? scaled(beta, src[2].as<const T>()[c.offset()]) : 0;
        dst[0].as<T>()[i] = finish_whole<T>(node, src, i, scaled(alpha, static_cast<T>(sum)) + added);
      } else {
        double value = alpha * sum;
        if (has_c) value += beta * real_at(src[2], c.offset());
        set_real(dst[0], i, finish(node, src, i, value));
      }
    }
  });
}

Cost cost_gemm(const NodeView& node) {
  const std::int64_t elements = output_elements(node);
  const Matrix a = matrix_of(node, 0, "transA");
  Cost cost;
  if (!is_known(a.columns)) return cost;
  cost.macs = work_product({elements, a.columns});
  int extra = node.attributes.real("alpha", 1) != 1.0F ? 1 : 0;
  if (has_own_input(node, 2)) extra += node.attributes.real("beta", 1) != 1.0F ? 2 : 1;
  cost.flops =
      work_sum({work_product({2, cost.macs}), work_product({extra, elements}), epilogue_flops(node)});
  return cost;
}

// Rows are images; C must be the same for all of them or computed row by row.
bool batch_separable(const NodeView& node) {
  if (node.attributes.flag("transA", false) || node.inputs[1].constant == nullptr) return false;
  if (!has_own_input(node, 2)) return true;
  const Shape& c = node.shape(2);
  return node.inputs[2].constant == nullptr ? c.rank() == 2 : c.rank() < 2 || c[0] == 1;
}

std::optional<Product> product(const NodeView& node) {
  if (node.shape(1).rank() != 2 || !is_float(node.input(1).dtype)) return std::nullopt;
  const GemmAttributes gemm(node.attributes);
  return Product{gemm.transposes_b ? 0 : 1, gemm.alpha, gemm.beta, gemm.transposes_a};
}

}  // namespace

const OpDef& op_gemm() {
  static const OpDef def{
      .name = "Gemm",
      .sentence = "alpha A B + beta C, with A and B transposed at will",
      .since_opset = 11,
      .min_inputs = 2,
      .max_inputs = 3,
      .attributes = {{"alpha", AttributeType::real},
                     {"beta", AttributeType::real},
                     {"transA", AttributeType::integer},
                     {"transB", AttributeType::integer}},
      .kind = OpKind::product,
      .product = product,
      .weights = 1,
      .bias = 2,
      .quantized = &op_quantized_mat_mul(),
      .infer = infer_gemm,
      .reference = reference,
      .cost = cost_gemm,
      .fuses_clamp = true,
      .fuses_residual = true,
      .fuses_dst_f32 = true,
      .takes_16_bits = true,
      .batch_separable = batch_separable,
      .implementations = {&gemm_panels},
  };
  return def;
}

}  // namespace godwit::ops
