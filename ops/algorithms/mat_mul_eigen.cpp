// MatMul of two computed operands of any rank: Eigen, one matrix of the batch after the other.
#include <Eigen/Core>
#include <array>

#include "ops/algorithms/implementations.h"

namespace godwit::ops {
namespace {

using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

// A block of columns is the unit of work, of fixed width so that results do not depend on the number of
// workers.
constexpr std::int64_t kColumns = 128;

class MatMulEigen final : public Executable {
 public:
  explicit MatMulEigen(const NodeView& node) {
    const Shape& lhs = node.shape(0);
    const Shape& rhs = node.shape(1);
    const Shape& dst = node.outputs[0].shape;
    m_ = lhs[lhs.rank() - 2];
    k_ = lhs[lhs.rank() - 1];
    n_ = rhs[rhs.rank() - 1];
    // Batch axes from the innermost outwards, steps in matrices, 0 where an operand is repeated.
    std::int64_t lhs_step = 1, rhs_step = 1;
    for (int axis = 3; axis <= dst.rank(); ++axis) {
      const std::int64_t lhs_size = axis <= lhs.rank() ? lhs[lhs.rank() - axis] : 1;
      const std::int64_t rhs_size = axis <= rhs.rank() ? rhs[rhs.rank() - axis] : 1;
      axes_[static_cast<std::size_t>(axes_used_++)] = {dst[dst.rank() - axis], lhs_size == 1 ? 0 : lhs_step,
                                                       rhs_size == 1 ? 0 : rhs_step};
      lhs_step *= lhs_size;
      rhs_step *= rhs_size;
      batch_ *= dst[dst.rank() - axis];
    }
  }

  void run(const RunArgs& args, const Worker& worker) const override {
    const std::int64_t blocks = (n_ + kColumns - 1) / kColumns;
    const Worker::Range share = worker.share(batch_ * blocks);
    for (std::int64_t i = share.begin; i < share.end; ++i) {
      std::int64_t lhs = 0, rhs = 0, rest = i / blocks;
      for (int a = 0; a < axes_used_; ++a) {
        const Axis& axis = axes_[static_cast<std::size_t>(a)];
        lhs += rest % axis.size * axis.lhs_step;
        rhs += rest % axis.size * axis.rhs_step;
        rest /= axis.size;
      }
      const std::int64_t column = i % blocks * kColumns;
      const std::int64_t width = std::min(kColumns, n_ - column);
      const Eigen::Map<const Matrix> a(static_cast<const float*>(args.src[0]) + lhs * m_ * k_, m_, k_);
      const Eigen::Map<const Matrix> b(static_cast<const float*>(args.src[1]) + rhs * k_ * n_, k_, n_);
      Eigen::Map<Matrix> c(static_cast<float*>(args.dst[0]) + i / blocks * m_ * n_, m_, n_);
      // A lazy product evaluates coefficient by coefficient and, unlike Eigen's blocked one, allocates
      // nothing.
      c.middleCols(column, width) = a.lazyProduct(b.middleCols(column, width));
    }
  }

 private:
  struct Axis {
    std::int64_t size, lhs_step, rhs_step;
  };
  std::int64_t m_ = 0, n_ = 0, k_ = 0;
  std::int64_t batch_ = 1;
  std::array<Axis, kMaxRank> axes_{};
  int axes_used_ = 0;
};

std::string reject(const NodeView& node, const Target&) {
  if (node.input(0).dtype != DType::f32) return "needs f32";
  if (node.input(0).layout != Layout::nchw || node.input(1).layout != Layout::nchw) return "needs nchw";
  if (node.shape(0).rank() < 2 || node.shape(1).rank() < 2) return "needs matrices";
  if (!node.epilogue.empty()) return "has no epilogue";
  if (node.outputs[0].shape.elements() == 0 || node.shape(0).elements() == 0) return "has nothing to compute";
  return {};
}

}  // namespace

const Implementation mat_mul_eigen{
    "mat_mul_eigen", "any two operands, one matrix of the batch after the other", reject,
    [](const NodeView& node, const PrepareContext&) -> std::unique_ptr<Executable> {
      return std::make_unique<MatMulEigen>(node);
    }};

}  // namespace godwit::ops
