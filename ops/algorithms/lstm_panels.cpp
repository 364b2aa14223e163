// LSTM with constant weights on the GEMM core: what all steps read of the input is one product in front, what
// each reads of the state before it a small one.
#include <cstring>
#include <fmt/format.h>
#include <limits>
#include <string>
#include <vector>

#include "ops/algorithms/gemm.h"
#include "ops/algorithms/implementations.h"
#include "ops/arithmetic.h"
#include "ops/recurrent.h"

namespace godwit::ops {
namespace {

// Operands and results in ONNX's order.
enum Operands : std::size_t { kX, kW, kR, kB, kLengths, kFirstH, kFirstC, kPeepholes };
enum Results : std::size_t { kY, kLastH, kLastC };

// Gates in the order of the weights' rows.
constexpr std::int64_t kGates = 4, kSigmoids = 3;

class LstmPanels final : public Executable {
 public:
  LstmPanels(const NodeView& node, const PrepareContext& context)
      : length_(node.shape(kX)[0]),
        batch_(node.shape(kX)[1]),
        inputs_(node.shape(kX)[2]),
        directions_(node.shape(kW)[0]),
        hidden_(node.shape(kR)[2]),
        reverse_(node.attributes.string("direction", "forward") == "reverse"),
        kernels_(gemm_kernels(context.target.isa)),
        format_(DType::f32, context.target.isa, kernels_),
        of_input_{kGates * hidden_, inputs_, kernels_.nr, kernels_.step_bytes},
        of_state_{kGates * hidden_, hidden_, kernels_.nr, kernels_.step_bytes},
        sigmoid_(find_function(families::sigmoid, DType::f32, context.target.isa)),
        tanh_(find_function(families::tanh, DType::f32, context.target.isa)),
        given_(node.inputs.size()),
        results_(node.outputs.size()) {
    pack(node, context, kW, of_input_, input_weights_);
    pack(node, context, kR, of_state_, state_weights_);
    if (node.has_input(kB)) {
      // The part that B adds to either product, together.
      const auto b = node.inputs[kB].constant->values<float>();
      const auto rows = static_cast<std::size_t>(kGates * hidden_);
      const std::size_t padded = static_cast<std::size_t>(of_input_.panels() * of_input_.nr);
      bias_.assign(padded * static_cast<std::size_t>(directions_), 0.0F);
      for (std::size_t d = 0; d < static_cast<std::size_t>(directions_); ++d) {
        for (std::size_t i = 0; i < rows; ++i)
          bias_[d * padded + i] = b[d * 2 * rows + i] + b[d * 2 * rows + rows + i];
      }
    }
  }

  Scratch scratch() const override {
    return {.shared = bytes(directions_ * (gate_floats() + step_floats())),
            .per_worker = std::max(gemm_scratch_bytes(kernels_, input_shape(), copies_input()),
                                   gemm_scratch_bytes(kernels_, state_shape(), copies_state()))};
  }
  std::string kernel() const override { return name_of(*kernels_.full); }
  bool reads_constant(std::size_t i) const override { return i == kX || i == kFirstH || i == kFirstC; }

  void run(const RunArgs& args, const Worker& worker) const override {
    auto* gates = reinterpret_cast<float*>(args.shared_scratch);
    for (std::int64_t d = 0; d < directions_; ++d) multiply_input(args, d, gates + d * gate_floats(), worker);
    worker.barrier();
    // Steps of one direction follow each other; directions do not meet.
    const Worker::Range share = worker.share(directions_);
    for (std::int64_t d = share.begin; d < share.end; ++d) {
      float* step = gates + directions_ * gate_floats() + d * step_floats();
      run_direction(args, d, gates + d * gate_floats(), step);
    }
  }

 private:
  static std::size_t bytes(std::int64_t floats) { return static_cast<std::size_t>(floats) * sizeof(float); }
  std::int64_t states() const { return batch_ * hidden_; }
  std::int64_t gate_floats() const { return length_ * batch_ * kGates * hidden_; }
  // Room for both states, one kept while it is read, and for the hyperbolic tangent of a row of c.
  std::int64_t step_floats() const { return 3 * states() + hidden_; }
  GemmShape input_shape() const { return {length_ * batch_, kGates * hidden_, 1, inputs_}; }
  GemmShape state_shape() const { return {batch_, kGates * hidden_, 1, hidden_}; }
  bool copies_input() const { return length_ * batch_ > 1 && rows_collide(inputs_ * kStepBytes); }
  bool copies_state() const { return batch_ > 1 && rows_collide(hidden_ * kStepBytes); }

  void pack(const NodeView& node, const PrepareContext& context, std::size_t operand,
            const PanelLayout& layout, std::shared_ptr<const std::byte>& packed) const {
    const Tensor& weights = *node.inputs[operand].constant;
    const std::string name = fmt::format("lstm_panels_{}", layout.nr);
    packed = context.weights.get(
        weights, name, layout.bytes() * static_cast<std::size_t>(directions_), [&](std::byte* dst) {
          const Tensor resident = weights.resident();
          for (std::int64_t d = 0; d < directions_; ++d) {
            const float* src = resident.values<float>().data() + d * layout.columns * layout.inner;
            auto* to = reinterpret_cast<float*>(dst + static_cast<std::size_t>(d) * layout.bytes());
            pack_panels(
                layout, 1, layout.inner, context.threads,
                [&](std::int64_t row, std::int64_t, std::int64_t k) { return src[row * layout.inner + k]; },
                to);
          }
        });
  }

  GemmCall call(const GemmShape& shape, bool copies, const std::byte* weights, float* dst) const {
    GemmCall call;
    call.tiles = &kernels_;
    call.shape = shape;
    call.row_bytes = shape.depth * kStepBytes;
    call.copy_rows = copies;
    call.format = &format_;
    call.numbers = shape.depth;
    call.weights = weights;
    call.dst = dst;
    call.dst_stride = call.residual_stride = kGates * hidden_;
    call.minimum = -std::numeric_limits<float>::infinity();
    call.maximum = std::numeric_limits<float>::infinity();
    return call;
  }
  static void multiply(const GemmCall& call, const float* src, std::byte* scratch, const Worker& worker) {
    run_gemm(
        call,
        [&](std::int64_t row, int count, const void** pointers) {
          for (int r = 0; r < count; ++r) pointers[r] = src + (row + r) * call.shape.depth;
        },
        scratch, worker);
  }

  // gates (length, batch, 4 hidden): of all steps, without what comes from the states.
  void multiply_input(const RunArgs& args, std::int64_t d, float* gates, const Worker& worker) const {
    const std::byte* weights = input_weights_.get() + static_cast<std::size_t>(d) * of_input_.bytes();
    GemmCall product = call(input_shape(), copies_input(), weights, gates);
    if (!bias_.empty()) product.bias = bias_.data() + d * of_input_.panels() * of_input_.nr;
    multiply(product, static_cast<const float*>(args.src[kX]), args.worker_scratch, worker);
  }

  void run_direction(const RunArgs& args, std::int64_t d, float* gates, float* step) const {
    float *kept = step, *c = step + states(), *h = c + states(), *scratch = h + states();
    begin(args, kFirstH, d, h);
    begin(args, kFirstC, d, c);
    const std::byte* weights = state_weights_.get() + static_cast<std::size_t>(d) * of_state_.bytes();
    for (std::int64_t i = 0; i < length_; ++i) {
      const std::int64_t t = reverse_ || d == 1 ? length_ - 1 - i : i;
      float* gate = gates + t * batch_ * kGates * hidden_;
      // The state is read by all panels while the next one is written.
      std::memcpy(kept, h, bytes(states()));
      GemmCall product = call(state_shape(), copies_state(), weights, gate);
      product.residual = gate;
      multiply(product, kept, args.worker_scratch, Worker{});
      for (std::int64_t b = 0; b < batch_; ++b) {
        const std::int64_t at = b * hidden_;
        next(gate + b * kGates * hidden_, c + at, h + at, scratch);
      }
      if (results_ > kY && args.dst[kY] != nullptr) {
        auto* y = static_cast<float*>(args.dst[kY]) + (t * directions_ + d) * states();
        std::memcpy(y, h, bytes(states()));
      }
    }
    end(h, args, kLastH, d);
    end(c, args, kLastC, d);
  }

  // gate: (input, output, forget, cell), `hidden` each; c and h become the next ones.
  void next(float* gate, float* c, float* h, float* scratch) const {
    sigmoid_({.src = gate, .dst = gate, .count = kSigmoids * hidden_, .alpha = 0, .beta = 0});
    float *input = gate, *output = gate + hidden_, *forget = gate + 2 * hidden_, *cell = gate + 3 * hidden_;
    tanh_({.src = cell, .dst = cell, .count = hidden_, .alpha = 0, .beta = 0});
    for (std::int64_t j = 0; j < hidden_; ++j) c[j] = forget[j] * c[j] + input[j] * cell[j];
    tanh_({.src = c, .dst = scratch, .count = hidden_, .alpha = 0, .beta = 0});
    for (std::int64_t j = 0; j < hidden_; ++j) h[j] = output[j] * scratch[j];
  }

  void begin(const RunArgs& args, std::size_t operand, std::int64_t d, float* state) const {
    if (operand >= given_ || args.src[operand] == nullptr) {
      std::memset(state, 0, bytes(states()));
    } else {
      std::memcpy(state, static_cast<const float*>(args.src[operand]) + d * states(), bytes(states()));
    }
  }
  void end(const float* state, const RunArgs& args, std::size_t result, std::int64_t d) const {
    if (result >= results_ || args.dst[result] == nullptr) return;
    std::memcpy(static_cast<float*>(args.dst[result]) + d * states(), state, bytes(states()));
  }

  std::int64_t length_, batch_, inputs_, directions_, hidden_;
  bool reverse_;
  const GemmKernels& kernels_;
  RowFormat format_;
  PanelLayout of_input_, of_state_;  // of one direction's weights
  UnaryKernel *sigmoid_, *tanh_;
  std::size_t given_, results_;
  std::shared_ptr<const std::byte> input_weights_, state_weights_;
  std::vector<float> bias_;  // (directions, padded columns), or none
};

bool has_default_activations(const NodeView& node) {
  const auto found = node.attributes.all().find("activations");
  if (found == node.attributes.all().end()) return true;
  const auto& names = std::get<std::vector<std::string>>(found->second);
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] != (i % 3 == 0 ? "Sigmoid" : "Tanh")) return false;
  }
  return true;
}

std::string reject(const NodeView& node, const Target&) {
  if (node.input(kX).dtype != DType::f32) return "needs f32";
  for (const std::size_t i : {kW, kR, kB}) {
    if (node.has_input(i) && node.inputs[i].constant == nullptr) return "needs constant weights and biases";
  }
  if (node.has_input(kLengths)) return "is for sequences of one length";
  if (node.has_input(kPeepholes)) return "has no peepholes";
  if (node.attributes.flag("layout", false)) return "needs steps as the outer axis (layout = 0)";
  if (node.attributes.flag("input_forget", false)) return "needs a forget gate of its own";
  if (node.attributes.real("clip", 0) > 0) return "clips no gates";
  if (!has_default_activations(node)) return "is for Sigmoid, Tanh and Tanh";
  if (node.shape(kX).elements() == 0 || node.shape(kR).elements() == 0) return "has nothing to compute";
  return {};
}

}  // namespace

const Implementation lstm_panels{
    "lstm_panels", "one product for all steps' inputs, one a step for the state", reject,
    [](const NodeView& node, const PrepareContext& context) -> std::unique_ptr<Executable> {
      return std::make_unique<LstmPanels>(node, context);
    }};

}  // namespace godwit::ops
