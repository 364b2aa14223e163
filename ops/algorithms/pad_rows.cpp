// Padding in any layout: axes in the order of memory, the unpadded innermost ones making one run.
#include "ops/algorithms/pad_rows.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "ops/movement.h"
#include "ops/padding.h"

namespace godwit::ops {
namespace {

void fill(std::byte* dst, std::size_t bytes, const std::byte* value, std::size_t size) {
  if (std::memcmp(value, value + 1, size - 1) == 0) {  // all bytes alike
    std::memset(dst, static_cast<int>(value[0]), bytes);
    return;
  }
  for (std::size_t at = 0; at < bytes; at += size) std::memcpy(dst + at, value, size);
}

class PadRowsExecutable final : public Executable {
 public:
  explicit PadRowsExecutable(const NodeView& node)
      : mode_(pad_mode_of(node.attributes)),
        element_size_(size_of(node.input(0).dtype)),
        run_(element_size_) {
    if (node.outputs[0].shape.elements() == 0) return;
    std::vector<TensorView> operands;
    for (const Operand& operand : node.inputs) {
      operands.push_back(operand.constant != nullptr ? operand.constant->view() : TensorView{});
    }
    const PadAxes all = pad_axes_of(node.shape(0), operands);
    const Index strides = strides_of(node.outputs[0]);
    std::vector<std::size_t> order;  // from innermost to outermost in memory
    for (int axis = node.shape(0).rank() - 1; axis >= 0; --axis)
      order.push_back(static_cast<std::size_t>(axis));
    std::ranges::stable_sort(order, {}, [&](std::size_t axis) { return strides[axis]; });
    for (const std::size_t axis : order) {
      if (axes_.empty() && all[axis].untouched()) {
        run_ *= static_cast<std::size_t>(all[axis].dim);
      } else {
        axes_.push_back(all[axis]);
      }
    }
    if (axes_.empty()) axes_.emplace_back();
    rows_ = 1;
    for (std::size_t i = 1; i < axes_.size(); ++i) rows_ *= axes_[i].padded();
    has_value_ = node.has_input(2);
  }

  void run(const RunArgs& args, const Worker& worker) const override {
    static constexpr std::byte kZero[8] = {};
    const auto* src = static_cast<const std::byte*>(args.src[0]);
    const std::byte* value = has_value_ ? static_cast<const std::byte*>(args.src[2]) : kZero;
    const Worker::Range range = worker.share(rows_);
    for (std::int64_t row = range.begin; row < range.end; ++row) {
      auto* dst = static_cast<std::byte*>(args.dst[0]) + bytes_of(row * axes_[0].padded());
      const std::int64_t from = source_row(row);
      if (from < 0) {
        fill(dst, bytes_of(axes_[0].padded()), value, element_size_);
      } else {
        pad_row(src + bytes_of(from * axes_[0].dim), dst, value);
      }
    }
  }

  bool reads_constant(std::size_t i) const override { return i == 0 || i == 2; }

 private:
  std::size_t bytes_of(std::int64_t runs) const { return static_cast<std::size_t>(runs) * run_; }

  // The operand's row that a row of the result shows; -1: none.
  std::int64_t source_row(std::int64_t row) const {
    std::int64_t from = 0;
    std::int64_t stride = 1;
    for (std::size_t i = 1; i < axes_.size(); ++i) {
      const std::int64_t position = axes_[i].position_of(row % axes_[i].padded(), mode_);
      if (position < 0) return -1;
      row /= axes_[i].padded();
      from += position * stride;
      stride *= axes_[i].dim;
    }
    return from;
  }

  void pad_row(const std::byte* src, std::byte* dst, const std::byte* value) const {
    const PadAxis& axis = axes_[0];
    const std::int64_t begin = std::clamp<std::int64_t>(axis.first() + axis.begin, 0, axis.padded());
    const std::int64_t end = std::clamp<std::int64_t>(begin + axis.kept(), begin, axis.padded());
    pad_places(src, dst, 0, begin, value);
    if (end > begin) std::memcpy(dst + bytes_of(begin), src + bytes_of(axis.first()), bytes_of(end - begin));
    pad_places(src, dst, end, axis.padded(), value);
  }

  void pad_places(const std::byte* src, std::byte* dst, std::int64_t begin, std::int64_t end,
                  const std::byte* value) const {
    if (mode_ == PadMode::constant) {
      fill(dst + bytes_of(begin), bytes_of(end - begin), value, element_size_);
      return;
    }
    for (std::int64_t place = begin; place < end; ++place) {
      std::memcpy(dst + bytes_of(place), src + bytes_of(axes_[0].position_of(place, mode_)), run_);
    }
  }

  PadMode mode_;
  std::size_t element_size_;
  std::size_t run_;            // bytes of an element of the innermost padded axis
  std::vector<PadAxis> axes_;  // from the innermost padded one outwards
  std::int64_t rows_ = 0;
  bool has_value_ = false;
};

std::string reject(const NodeView& node, const Target&) {
  for (const std::size_t i : {std::size_t{1}, std::size_t{3}}) {
    if (node.has_input(i) && node.inputs[i].constant == nullptr) return "its pads are computed at run time";
  }
  return {};
}

std::unique_ptr<Executable> prepare(const NodeView& node, const PrepareContext&) {
  return std::make_unique<PadRowsExecutable>(node);
}

}  // namespace

const Implementation pad_rows{"pad_rows", "each row copied at once, its padding filled around it", reject,
                              prepare};

}  // namespace godwit::ops
