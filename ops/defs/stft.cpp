// STFT: the Fourier transforms of windows that slide along a signal, (batch, frames, bins, 2).
#include <fmt/format.h>

#include "ops/arithmetic.h"
#include "ops/axes.h"
#include "ops/fourier.h"
#include "ops/movement.h"
#include "ops/numbers.h"
#include "ops/operands.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

enum Input : std::size_t { kSignal, kStep, kWindow, kLength };

bool is_onesided(const NodeView& node) { return node.attributes.flag("onesided", true); }

// The length of a frame, from the operand that says it or the window; nullopt while neither is known.
std::optional<std::int64_t> frame_length(const NodeView& node) {
  std::optional<std::int64_t> length;
  if (node.has_input(kLength)) {
    require_indices(node, kLength, "frame_length");
    length = known_integer(node, kLength, "frame_length", 0);
  }
  if (node.has_input(kWindow)) {
    require_same_dtype(node, kWindow, kSignal, "window");
    require_rank(node, kWindow, 1, 1);
    const std::int64_t size = node.shape(kWindow).ranked() ? node.shape(kWindow)[0] : kAnyDim;
    if (length) require_dim("the length of input 2 (window)", size, *length);
    if (!node.has_input(kLength) && is_known(size)) length = size;
  } else if (!node.has_input(kLength)) {
    throw Error("neither input 2 (window) nor input 3 (frame_length) is given");
  }
  return length;
}

std::vector<TensorDesc> infer_stft(const NodeView& node) {
  require_dtype(node, kSignal, "signal", kFloatTypes);
  require_rank(node, kSignal, 2, 3);
  require_indices(node, kStep, "frame_step");
  const std::optional<std::int64_t> step = known_integer(node, kStep, "frame_step", 0);
  if (step && *step < 1) throw Error(fmt::format("input 1 (frame_step) is {}, expected at least 1", *step));
  const std::optional<std::int64_t> length = frame_length(node);
  if (length && *length < 1)
    throw Error(fmt::format("input 3 (frame_length) is {}, expected at least 1", *length));
  const Shape& src = node.shape(kSignal);
  const std::int64_t parts = src.rank() == 3 ? src[2] : src.ranked() ? 1 : kAnyDim;
  if (is_known(parts) && parts != 1 && parts != 2)
    throw Error(fmt::format("the last dimension of input 0 (signal) is {}, expected 1 or 2", parts));
  if (is_onesided(node) && parts == 2) throw Error("a one-sided transform needs a real signal");
  Shape dst{src.ranked() ? src[0] : kAnyDim, kAnyDim, kAnyDim, 2};
  if (length) dst[2] = is_onesided(node) ? *length / 2 + 1 : *length;
  if (length && step && src.ranked() && is_known(src[1])) {
    if (*length > src[1])
      throw Error(fmt::format("a frame of {} does not fit into a signal of {}", *length, src[1]));
    dst[1] = (src[1] - *length) / *step + 1;
  }
  return {{node.input(kSignal).dtype, dst, Layout::nchw}};
}

void reference(const NodeView&, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const Shape &shape = src[kSignal].desc.shape, &to = dst[0].desc.shape;
  const bool windowed = src.size() > kWindow && src[kWindow].present();
  const std::int64_t parts = shape.rank() == 3 ? shape[2] : 1;
  const std::int64_t step = whole_number_at(src[kStep], 0);
  const std::int64_t length = whole_number_or(src, kLength, windowed ? src[kWindow].desc.shape[0] : 0);
  visit_float(dst[0].desc.dtype, [&]<class T>() {
    std::int64_t place = 0;
    for (std::int64_t row = 0; row < to[0] * to[1]; ++row) {
      const std::int64_t begin = row / to[1] * shape[1] + row % to[1] * step;
      for (std::int64_t bin = 0; bin < to[2]; ++bin, place += 2) {
        const auto value = fourier_element(bin, length, false, [&](std::int64_t n) {
          const T* at = src[kSignal].as<const T>() + (begin + n) * parts;
          const double weight = windowed ? static_cast<double>(src[kWindow].as<const T>()[n]) : 1;
          return weight * std::complex<double>(static_cast<double>(at[0]),
                                               parts == 2 ? static_cast<double>(at[1]) : 0);
        });
        dst[0].as<T>()[place] = static_cast<T>(value.real());
        dst[0].as<T>()[place + 1] = static_cast<T>(value.imag());
      }
    }
  });
}

Cost cost_stft(const NodeView& node) {
  const std::optional<std::int64_t> length = frame_length(node);
  return {.macs = 0, .flops = work_product({4, output_elements(node), length.value_or(0)})};
}

}  // namespace

const OpDef& op_stft() {
  static const OpDef def{
      .name = "STFT",
      .sentence = "the Fourier transforms of windows that slide along a signal",
      .since_opset = 17,
      .min_inputs = 2,
      .max_inputs = 4,
      .attributes = {{"onesided", AttributeType::integer}},
      .infer = infer_stft,
      .reference = reference,
      .cost = cost_stft,
  };
  return def;
}

}  // namespace godwit::ops
