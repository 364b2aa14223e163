// 3×3 convolution in groups of 4, 8 or 16 channels, line by line out of the image as it lies.
#include <vector>

#include "ops/algorithms/conv_cost.h"
#include "ops/algorithms/conv_lines.h"
#include "ops/algorithms/implementations.h"

namespace godwit::ops {
namespace {

// Kernels by channels of a group and by stride along the line.
struct GroupedFamilies {
  std::int64_t channels;
  Family<ConvLineKernel> by_stride[2];
};
constexpr GroupedFamilies kGrouped[] = {{4, {families::grouped4_stride1, families::grouped4_stride2}},
                                        {8, {families::grouped8_stride1, families::grouped8_stride2}},
                                        {16, {families::grouped16_stride1, families::grouped16_stride2}}};

// Null where there is none.
const Family<ConvLineKernel>* find_family(const ConvGeometry& g) {
  for (const GroupedFamilies& each : kGrouped) {
    if (each.channels == g.group_ic()) return &each.by_stride[g.w.stride - 1];
  }
  return nullptr;
}

class ConvGrouped final : public Executable, public RowStreaming {
 public:
  ConvGrouped(const NodeView& node, const PrepareContext& context)
      : geometry_(conv_geometry(node)),
        kernel_(find_kernel(*find_family(geometry_), DType::f32, context.target.isa)),
        walk_(geometry_, sizeof(float), 32),
        epilogue_(node.epilogue) {
    const Tensor& weights = *node.inputs[1].constant;
    const std::int64_t width = kernel_.info->nr;
    const std::int64_t vectors = (geometry_.oc + width - 1) / width;
    const std::int64_t floats = vectors * width * geometry_.taps() * geometry_.group_ic();
    weights_ = context.weights.get(
        weights, "grouped_" + std::to_string(width), static_cast<std::size_t>(floats) * sizeof(float),
        [&](std::byte* dst) { pack(weights.resident(), width, reinterpret_cast<float*>(dst)); });
    if (node.own_inputs() > 2 && node.has_input(2)) {
      const auto bias = node.inputs[2].constant->values<float>();
      bias_.assign(bias.begin(), bias.end());
    }
  }

  std::string kernel() const override { return name_of(*kernel_.info); }
  bool reads_constant(std::size_t) const override { return false; }

  void run(const RunArgs& args, const Worker& worker) const override {
    run_rows(args, {.lines = walk_.share(worker), .src = args.src[0], .dst = args.dst[0]});
  }

  const RowStreaming* row_streaming() const override { return this; }
  Worker::Range rows_read(Worker::Range lines) const override { return ops::rows_read(geometry_.h, lines); }
  void run_rows(const RunArgs&, const RowPart& part) const override {
    walk_.run(kernel_,
              {.weights = reinterpret_cast<const float*>(weights_.get()),
               .bias = bias_.empty() ? nullptr : bias_.data(),
               .minimum = epilogue_.minimum,
               .maximum = epilogue_.maximum},
              part);
  }

 private:
  // (channels, channels of a group, rows, columns) to what ConvLine wants.
  void pack(const Tensor& weights, std::int64_t width, float* dst) const {
    const float* src = weights.values<float>().data();
    const std::int64_t ic = geometry_.group_ic(), taps = geometry_.taps(), columns = geometry_.w.kernel;
    for (std::int64_t first = 0; first < geometry_.oc; first += width) {
      for (std::int64_t row = 0; row < geometry_.h.kernel; ++row) {
        for (std::int64_t i = 0; i < ic; ++i) {
          for (std::int64_t column = 0; column < columns; ++column) {
            for (std::int64_t lane = 0; lane < width; ++lane, ++dst) {
              const std::int64_t oc = first + lane;
              *dst = oc < geometry_.oc ? src[(oc * ic + i) * taps + row * columns + column] : 0.0F;
            }
          }
        }
      }
    }
  }

  ConvGeometry geometry_;
  Kernel<ConvLineKernel> kernel_;
  LineWalk walk_;
  Epilogue epilogue_;
  std::vector<float> bias_;
  std::shared_ptr<const std::byte> weights_;
};

std::string reject(const NodeView& node, const Target&) {
  if (std::string reason = reject_conv_nhwc(node); !reason.empty()) return reason;
  const ConvGeometry g = conv_geometry(node);
  if (g.group == 1 || g.ic != g.oc) return "needs groups of as many channels before as behind";
  if (node.input(0).dtype != DType::f32) return "needs f32";
  if (node.epilogue.residual) return "adds no residual";
  if (g.w.kernel != 3) return "is for 3×3";
  if (std::string reason = reject_lines(g); !reason.empty()) return reason;
  if (find_family(g) == nullptr) return "is for groups of 4, 8 and 16 channels";
  return {};
}

}  // namespace

const Implementation conv_grouped{
    "conv_grouped",
    "groups of 4, 8 or 16 channels, each pixel's spread over vectors of whole groups",
    reject,
    [](const NodeView& node, const PrepareContext& context) -> std::unique_ptr<Executable> {
      return std::make_unique<ConvGrouped>(node, context);
    },
    [](const NodeView& node, const Target& target) {
      return grouped_cost(conv_geometry(node), gemm_kernels(target.isa).nr / 2);
    },
    [](const NodeView&) { return true; }};

}  // namespace godwit::ops
