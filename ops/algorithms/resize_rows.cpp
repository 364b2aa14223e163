// Resizing line by line in any layout: the lines under a result's line are added up by their weights, then
// its places along the line from what that gives. The nearest elements are copied.
#include <algorithm>
#include <cstring>
#include <vector>

#include "ops/algorithms/implementations.h"
#include "ops/arithmetic.h"
#include "ops/movement.h"
#include "ops/resize.h"
#include "runtime/memory.h"

namespace godwit::ops {
namespace {

// The sources of each place along one axis.
struct Taps {
  std::vector<std::int64_t> first;  // of place p in the lists below; one more at the end
  std::vector<std::int64_t> source;
  std::vector<float> weight;

  std::int64_t begin(std::int64_t place) const { return first[static_cast<std::size_t>(place)]; }
  std::int64_t end(std::int64_t place) const { return first[static_cast<std::size_t>(place) + 1]; }
};

Taps taps_of(const ResizeRule& rule, const ResizeAxis& axis) {
  Taps taps;
  taps.first.push_back(0);
  for (std::int64_t place = 0; place < axis.output; ++place) {
    for_each_resize_tap(rule, axis, place, [&](std::int64_t i, double weight) {
      const bool again =
          static_cast<std::int64_t>(taps.source.size()) > taps.first.back() && taps.source.back() == i;
      if (again) {  // behind an edge
        taps.weight.back() += static_cast<float>(weight);
      } else {
        taps.source.push_back(i);
        taps.weight.push_back(static_cast<float>(weight));
      }
    });
    taps.first.push_back(static_cast<std::int64_t>(taps.source.size()));
  }
  return taps;
}

// An axis in front of a line, in the order of memory.
struct OuterAxis {
  std::int64_t input, output, stride;  // elements of the operand from one place to the next
  Taps taps;
};

// One line of the operand, or all of them, with the weights of one line of the result.
struct WeightedLine {
  std::int64_t offset;
  float weight;
};

std::vector<TensorView> constants_of(const NodeView& node) {
  std::vector<TensorView> operands;
  for (const Operand& operand : node.inputs)
    operands.push_back(operand.constant != nullptr ? operand.constant->view() : TensorView{});
  return operands;
}

class ResizeRows final : public Executable {
 public:
  explicit ResizeRows(const NodeView& node) : dtype_(node.input(0).dtype) {
    const ResizeRule rule = resize_rule_of(node.attributes);
    nearest_ = rule.mode == ResizeMode::nearest;
    const ResizeAxes axes = *resize_axes_of(node.attributes, node.shape(0), constants_of(node));
    const Index strides = strides_of(node.input(0));
    std::vector<std::size_t> order;  // from innermost to outermost in memory
    for (int axis = node.shape(0).rank() - 1; axis >= 0; --axis)
      order.push_back(static_cast<std::size_t>(axis));
    std::ranges::stable_sort(order, {}, [&](std::size_t axis) { return strides[axis]; });
    auto next = order.begin();
    for (; next != order.end() && axes[*next].untouched(rule); ++next) run_ *= axes[*next].input;
    if (next != order.end()) {
      columns_ = {axes[*next].input, axes[*next].output, strides[*next], taps_of(rule, axes[*next])};
      ++next;
    } else {
      columns_ = {1, 1, 0, taps_of(rule, ResizeAxis{})};
    }
    for (; next != order.end(); ++next) {
      outer_.push_back({axes[*next].input, axes[*next].output, strides[*next], taps_of(rule, axes[*next])});
      lines_ *= axes[*next].output;
      std::int64_t most = 1;
      for (std::int64_t p = 0; p < axes[*next].output; ++p)
        most = std::max(most, outer_.back().taps.end(p) - outer_.back().taps.begin(p));
      most_lines_ *= most;
    }
  }

  Scratch scratch() const override {
    return {.shared = 0,
            .per_worker = align_up(static_cast<std::size_t>(most_lines_) * sizeof(WeightedLine)) +
                          static_cast<std::size_t>(columns_.input * run_) * sizeof(float)};
  }

  void run(const RunArgs& args, const Worker& worker) const override {
    if (nearest_) return copy(args, worker);
    visit_kernel_float(dtype_, [&]<class T>() { interpolate<T>(args, worker); });
  }

 private:
  // The lines under line `line` of the result; how many there are.
  std::int64_t lines_under(std::int64_t line, WeightedLine* lines) const {
    std::int64_t count = 1;
    lines[0] = {0, 1.0F};
    for (const OuterAxis& axis : outer_) {
      const std::int64_t place = line % axis.output;
      line /= axis.output;
      const std::int64_t begin = axis.taps.begin(place), taps = axis.taps.end(place) - begin;
      for (std::int64_t t = taps - 1; t >= 0; --t) {  // the first one last, over its source
        const auto at = static_cast<std::size_t>(begin + t);
        for (std::int64_t i = 0; i < count; ++i) {
          lines[t * count + i] = {lines[i].offset + axis.taps.source[at] * axis.stride,
                                  lines[i].weight * axis.taps.weight[at]};
        }
      }
      count *= taps;
    }
    return count;
  }

  void copy(const RunArgs& args, const Worker& worker) const {
    const std::size_t size = size_of(dtype_), bytes = static_cast<std::size_t>(run_) * size;
    auto* lines = reinterpret_cast<WeightedLine*>(args.worker_scratch);
    const Worker::Range share = worker.share(lines_);
    for (std::int64_t line = share.begin; line < share.end; ++line) {
      (void)lines_under(line, lines);
      const std::byte* from =
          static_cast<const std::byte*>(args.src[0]) + static_cast<std::size_t>(lines[0].offset) * size;
      std::byte* to =
          static_cast<std::byte*>(args.dst[0]) + static_cast<std::size_t>(line * columns_.output) * bytes;
      // A line that shows the same as the one before is copied from it.
      if (line > share.begin && lines[0].offset == last_offset(line, lines)) {
        const std::size_t whole = static_cast<std::size_t>(columns_.output) * bytes;
        std::memcpy(to, to - whole, whole);
        continue;
      }
      if (bytes == 4) {
        copy_columns<std::uint32_t>(from, to);
      } else if (bytes == 1) {
        copy_columns<std::uint8_t>(from, to);
      } else {
        for (std::int64_t p = 0; p < columns_.output; ++p, to += bytes)
          std::memcpy(
              to, from + static_cast<std::size_t>(columns_.taps.source[static_cast<std::size_t>(p)]) * bytes,
              bytes);
      }
    }
  }

  template <class T>
  void copy_columns(const std::byte* src, std::byte* dst) const {
    const T* from = reinterpret_cast<const T*>(src);
    T* to = reinterpret_cast<T*>(dst);
    const std::int64_t* source = columns_.taps.source.data();
    for (std::int64_t p = 0; p < columns_.output; ++p) to[p] = from[source[p]];
  }

  // The beginning of the line before.
  std::int64_t last_offset(std::int64_t line, WeightedLine* lines) const {
    WeightedLine kept = lines[0];
    (void)lines_under(line - 1, lines);
    const std::int64_t before = lines[0].offset;
    lines[0] = kept;
    return before;
  }

  template <class T>
  void interpolate(const RunArgs& args, const Worker& worker) const {
    auto* lines = reinterpret_cast<WeightedLine*>(args.worker_scratch);
    auto* sum = reinterpret_cast<float*>(
        args.worker_scratch + align_up(static_cast<std::size_t>(most_lines_) * sizeof(WeightedLine)));
    const Worker::Range share = worker.share(lines_);
    for (std::int64_t line = share.begin; line < share.end; ++line) {
      const std::int64_t count = lines_under(line, lines);
      const T* src = static_cast<const T*>(args.src[0]);
      T* dst = static_cast<T*>(args.dst[0]) + line * columns_.output * run_;
      if (count == 1 && lines[0].weight == 1.0F) {
        add_columns(src + lines[0].offset, dst);
        continue;
      }
      add_lines(src, lines, count, sum);
      add_columns<float, T>(sum, dst);
    }
  }

  // sum = the lines by their weights, two at a time.
  template <class T>
  void add_lines(const T* src, const WeightedLine* lines, std::int64_t count, float* sum) const {
    const std::int64_t length = columns_.input * run_;
    for (std::int64_t k = 0; k < count; k += 2) {
      const bool pair = k + 1 < count;
      const T* a = src + lines[k].offset;
      const T* b = src + lines[pair ? k + 1 : k].offset;
      const float of_a = lines[k].weight, of_b = pair ? lines[k + 1].weight : 0.0F;
      if (!pair) {
        for (std::int64_t i = 0; i < length; ++i)
          sum[i] = (k == 0 ? 0.0F : sum[i]) + of_a * static_cast<float>(a[i]);
      } else if (k == 0) {
        for (std::int64_t i = 0; i < length; ++i)
          sum[i] = of_a * static_cast<float>(a[i]) + of_b * static_cast<float>(b[i]);
      } else {
        for (std::int64_t i = 0; i < length; ++i)
          sum[i] += of_a * static_cast<float>(a[i]) + of_b * static_cast<float>(b[i]);
      }
    }
  }

  template <class From, class T>
  void add_columns(const From* src, T* dst) const {
    const Taps& taps = columns_.taps;
    for (std::int64_t p = 0; p < columns_.output; ++p, dst += run_) {
      const std::int64_t begin = taps.begin(p), count = taps.end(p) - begin;
      const float* weight = taps.weight.data() + begin;
      const std::int64_t* source = taps.source.data() + begin;
      if (run_ == 1) {
        float value = 0;
        for (std::int64_t k = 0; k < count; ++k) value += weight[k] * static_cast<float>(src[source[k]]);
        *dst = static_cast<T>(value);
      } else if (count == 1) {
        add_runs<1>(src, source, weight, dst);
      } else if (count == 2) {
        add_runs<2>(src, source, weight, dst);
      } else if (count == 4) {
        add_runs<4>(src, source, weight, dst);
      } else {
        for (std::int64_t i = 0; i < run_; ++i) {
          float value = 0;
          for (std::int64_t k = 0; k < count; ++k)
            value += weight[k] * static_cast<float>(src[source[k] * run_ + i]);
          dst[i] = static_cast<T>(value);
        }
      }
    }
  }

  template <int Count, class From, class T>
  void add_runs(const From* src, const std::int64_t* source, const float* weight, T* __restrict dst) const {
    const From* from[Count];
    float of[Count];
    for (int k = 0; k < Count; ++k) {
      from[k] = src + source[k] * run_;
      of[k] = weight[k];
    }
    const std::int64_t length = run_;
    for (std::int64_t i = 0; i < length; ++i) {
      float value = of[0] * static_cast<float>(from[0][i]);
      for (int k = 1; k < Count; ++k) value += of[k] * static_cast<float>(from[k][i]);
      dst[i] = static_cast<T>(value);
    }
  }

  DType dtype_;
  bool nearest_ = false;
  std::int64_t run_ = 1;          // elements behind each other that are resized alike
  OuterAxis columns_;             // the innermost resized axis
  std::vector<OuterAxis> outer_;  // innermost first
  std::int64_t lines_ = 1, most_lines_ = 1;
};

std::string reject(const NodeView& node, const Target&) {
  const ResizeRule rule = resize_rule_of(node.attributes);
  if (rule.mode != ResizeMode::nearest && !is_kernel_float(node.input(0).dtype))
    return "needs f32, f16 or bf16";
  if (rule.coordinates == CoordinateMode::tf_crop_and_resize) return "has no place outside of a region";
  if (!resize_axes_of(node.attributes, node.shape(0), constants_of(node)))
    return "its scales and sizes are computed at run time";
  if (node.outputs[0].shape.elements() == 0) return "has nothing to compute";
  return {};
}

}  // namespace

const Implementation resize_rows{
    "resize_rows", "lines added up by weight, then places along them", reject,
    [](const NodeView& node, const PrepareContext&) -> std::unique_ptr<Executable> {
      return std::make_unique<ResizeRows>(node);
    }};

}  // namespace godwit::ops
