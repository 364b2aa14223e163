// MatMul of two computed operands on the GEMM core: the right one is packed into panels in every run.
#include <algorithm>
#include <vector>

#include "ops/algorithms/gemm.h"
#include "ops/algorithms/implementations.h"
#include "ops/arithmetic.h"
#include "ops/broadcast.h"

namespace godwit::ops {
namespace {

// With fewer tiles of rows for each worker, every matrix is divided among all of them, columns too.
constexpr std::int64_t kTilesPerWorker = 4;

// The dimensions before the matrix; a vector has none.
Shape batch_of(const Shape& shape) {
  Shape batch;
  for (int axis = 0; axis < shape.rank() - 2; ++axis) batch.append(shape[axis]);
  return batch;
}

// Writes panel `p` of a matrix b (k × n), in steps of kr neighbouring rows; zeros fill it up.
template <class T>
void pack_panel(const PanelLayout& layout, std::int64_t p, const T* b, std::int64_t k, T* panels) {
  const int kr = layout.step_bytes / static_cast<int>(sizeof(T));
  const std::int64_t width = layout.width(p), n = layout.columns;
  const std::int64_t columns = std::min(width, n - p * layout.nr);
  T* to = panels + layout.offset(p) * kr;  // (steps, width, kr)
  b += p * layout.nr;
  if (kr == 1) {
    for (std::int64_t row = 0; row < k; ++row, to += width) {
      std::copy_n(b + row * n, columns, to);
      std::fill(to + columns, to + width, T{});
    }
    return;
  }
  for (std::int64_t row = 0; row < k; row += kr, to += width * kr) {
    if (columns < width || row + kr > k) std::fill_n(to, width * kr, T{});
    for (std::int64_t r = 0; r < std::min<std::int64_t>(kr, k - row); ++r) {
      const T* from = b + (row + r) * n;
      for (std::int64_t c = 0; c < columns; ++c) to[c * kr + r] = from[c];
    }
  }
}

class MatMulComputed final : public Executable {
 public:
  MatMulComputed(const NodeView& node, const PrepareContext& context)
      : dtype_(node.input(0).dtype),
        dst_dtype_(node.outputs[0].dtype),
        kernels_(gemm_kernels(context.target.isa, dtype_)),
        format_(dtype_, context.target.isa, kernels_),
        epilogue_(node.epilogue),
        residual_index_(node.inputs.size() - 1) {
    const Shape &a = node.shape(0), &b = node.shape(1);
    m_ = a.rank() < 2 ? 1 : a[a.rank() - 2];
    k_ = a[a.rank() - 1];
    n_ = b.rank() < 2 ? 1 : b[b.rank() - 1];
    layout_ = {n_, format_.steps(k_), kernels_.nr, kernels_.step_bytes};
    const Shape batch_a = batch_of(a), batch_b = batch_of(b);
    b_count_ = batch_b.elements();
    const Shape batch = broadcast_shapes(batch_a, batch_b);
    if (b_count_ == 1 && batch_a.elements() == batch.elements()) {
      m_ *= batch.elements();  // one matrix on the right: the rows of all those on the left are one product's
      products_ = {{0, 0}};
      return;
    }
    BroadcastIndex at_a(batch, batch_a), at_b(batch, batch_b);
    for (std::int64_t i = 0; i < batch.elements(); ++i, at_a.next(), at_b.next())
      products_.push_back({at_a.offset(), at_b.offset()});
  }

  Scratch scratch() const override {
    return {.shared = static_cast<std::size_t>(b_count_) * panels_bytes(),
            .per_worker = gemm_scratch_bytes(kernels_, shape(m_), copy_rows())};
  }
  bool may_overwrite_residual() const override { return true; }
  std::string kernel() const override { return name_of(*kernels_.full); }

  void run(const RunArgs& args, const Worker& worker) const override {
    visit_kernel_float(dtype_, [&]<class T>() { pack<T>(args, worker); });
    worker.barrier();
    const std::int64_t tiles = (m_ + kernels_.mr - 1) / kernels_.mr;
    const auto count = static_cast<std::int64_t>(products_.size());
    if (count * tiles < kTilesPerWorker * worker.count) {
      for (std::int64_t i = 0; i < count; ++i) multiply(args, i, {0, m_}, worker);
      return;
    }
    const Worker::Range share = worker.share(count * tiles);
    for (std::int64_t i = share.begin; i < share.end;) {
      const std::int64_t first = i % tiles, last = std::min(tiles, first + share.end - i);
      multiply(args, i / tiles, {first * kernels_.mr, std::min(last * kernels_.mr, m_)}, Worker{});
      i += last - first;
    }
  }

 private:
  // The matrices that one product multiplies, by their number in each operand.
  struct Product {
    std::int64_t a = 0, b = 0;
  };

  GemmShape shape(std::int64_t rows) const { return {rows, n_, 1, format_.steps(k_)}; }
  bool copy_rows() const { return !format_.as_it_lies(k_) || (m_ > 1 && rows_collide(format_.bytes(k_))); }
  std::size_t panels_bytes() const { return align_up(layout_.bytes()); }

  template <class T>
  void pack(const RunArgs& args, const Worker& worker) const {
    const auto* b = static_cast<const T*>(args.src[1]);
    const Worker::Range share = worker.share(b_count_ * layout_.panels());
    for (std::int64_t i = share.begin; i < share.end; ++i) {
      const std::int64_t matrix = i / layout_.panels();
      std::byte* panels = args.shared_scratch + static_cast<std::size_t>(matrix) * panels_bytes();
      pack_panel(layout_, i % layout_.panels(), b + matrix * k_ * n_, k_, reinterpret_cast<T*>(panels));
    }
  }

  // Rows of one product, divided among the team of `worker`.
  void multiply(const RunArgs& args, std::int64_t product, const Worker::Range& rows,
                const Worker& worker) const {
    const Product& matrices = products_[static_cast<std::size_t>(product)];
    const std::int64_t a_row_bytes = format_.bytes(k_);
    const auto dst_bytes = static_cast<std::int64_t>(size_of(dst_dtype_));
    const auto* a = static_cast<const std::byte*>(args.src[0]) + (matrices.a * m_ + rows.begin) * a_row_bytes;
    const std::int64_t dst_offset = (product * m_ + rows.begin) * n_ * dst_bytes;
    GemmCall call;
    call.tiles = &kernels_;
    call.shape = shape(rows.end - rows.begin);
    call.copy_rows = copy_rows();
    call.row_bytes = format_.steps(k_) * kStepBytes;
    call.format = &format_;
    call.numbers = k_;
    call.weights = args.shared_scratch + static_cast<std::size_t>(matrices.b) * panels_bytes();
    call.dst_dtype = dst_dtype_;
    if (epilogue_.residual)
      call.residual = static_cast<const std::byte*>(args.src[residual_index_]) + dst_offset;
    call.residual_stride = n_;
    call.dst = static_cast<std::byte*>(args.dst[0]) + dst_offset;
    call.dst_stride = n_;
    call.minimum = epilogue_.minimum;
    call.maximum = epilogue_.maximum;
    run_gemm(
        call,
        [&](std::int64_t row, int count, const void** pointers) {
          for (int r = 0; r < count; ++r) pointers[r] = a + (row + r) * a_row_bytes;
        },
        args.worker_scratch, worker);
  }

  DType dtype_, dst_dtype_;
  const GemmKernels& kernels_;
  RowFormat format_;
  Epilogue epilogue_;
  std::size_t residual_index_;
  std::int64_t m_ = 0, n_ = 0, k_ = 0;  // of every product
  PanelLayout layout_;                  // of one matrix of the right operand
  std::int64_t b_count_ = 1;            // matrices of the right operand
  std::vector<Product> products_;       // by matrix of the result
};

std::string reject(const NodeView& node, const Target&) {
  if (!is_kernel_float(node.input(0).dtype)) return "needs f32, f16 or bf16";
  if (node.input(0).layout != Layout::nchw || node.input(1).layout != Layout::nchw) return "needs nchw";
  if (node.outputs[0].shape.elements() == 0 || node.shape(0).elements() == 0) return "has nothing to compute";
  return {};
}

}  // namespace

const Implementation mat_mul_computed{
    "mat_mul_computed", "any two operands, the right one packed for the GEMM core in every run", reject,
    [](const NodeView& node, const PrepareContext& context) -> std::unique_ptr<Executable> {
      return std::make_unique<MatMulComputed>(node, context);
    }};

}  // namespace godwit::ops
