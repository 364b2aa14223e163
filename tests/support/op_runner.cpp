#include "tests/support/op_runner.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <utility>
#include <variant>

#include "ops/implementation.h"
#include "ops/layout.h"
#include "runtime/error.h"
#include "runtime/threads.h"
#include "tests/support/compare.h"

namespace godwit::support {
namespace {

// Bytes between two zones that must stay as they are.
class Guarded {
 public:
  explicit Guarded(std::size_t bytes)
      : bytes_(bytes), block_({DType::u8, {static_cast<std::int64_t>(bytes + 2 * kZone)}}) {
    std::memset(block_.mutable_data(), kMark, bytes + 2 * kZone);
    std::memset(data(), 0xff, bytes);
  }
  std::byte* data() { return static_cast<std::byte*>(block_.mutable_data()) + kZone; }
  bool intact() const {
    const auto values = block_.values<std::uint8_t>();
    for (std::size_t i = 0; i < kZone; ++i) {
      if (values[i] != kMark || values[kZone + bytes_ + i] != kMark) return false;
    }
    return true;
  }

 private:
  static constexpr std::size_t kZone = 256;
  static constexpr std::uint8_t kMark = 0xa5;
  std::size_t bytes_;
  Tensor block_;
};

bool has_layout(const TensorDesc& desc) { return ops::can_be_nhwc(desc.shape); }

std::int64_t lines_of(const TensorDesc& desc) {
  return desc.shape[0] * (desc.shape.rank() == 4 ? desc.shape[2] : 1);
}

Tensor absolute_of(const Tensor& value) {
  if (value.empty() || !is_float(value.dtype())) return value;
  Tensor absolute(value.desc());
  visit_dtype(value.dtype(), [&]<class T>() {
    if constexpr (is_float(dtype_of<T>)) {
      for (std::size_t i = 0; i < value.values<T>().size(); ++i) {
        absolute.mutable_values<T>()[i] = static_cast<T>(std::abs(static_cast<double>(value.values<T>()[i])));
      }
    }
  });
  return absolute;
}

}  // namespace

// A NodeView with everything that it points into.
class OpRunner::Node {
 public:
  Node(const OpRunner& owner, std::vector<TensorDesc> descs)
      : runner_(owner), slots_(owner.slots_), outputs_(std::move(descs)) {
    if (runner_.epilogue_.residual) slots_.push_back(runner_.residual_);
    for (const Slot& slot : slots_) {
      operands_.push_back({slot.present ? &slot.desc : nullptr, slot.constant ? &slot.value : nullptr});
    }
  }
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  ops::NodeView view() const {
    return {"node",
            runner_.attributes_,
            operands_,
            runner_.output_count_,
            outputs_,
            runner_.epilogue_,
            {.sparse_input = runner_.sparse_input_}};
  }

  // False when the rule leaves every tensor nchw.
  bool make_nhwc(ops::LayoutFunction rule_of);
  std::vector<Tensor> reference() const;
  void check(const ops::Executable& executable, const std::vector<Tensor>& expected, const Bound& bound,
             const Ran& ran) const;

 private:
  std::vector<Tensor> run(const ops::Executable& executable, int threads) const;
  // Result 0 in strips of so many lines, each from the lines of operand 0 that it is said to read and no
  // more.
  Tensor run_by_lines(const ops::Executable& executable, std::int64_t strip) const;

  const OpRunner& runner_;
  std::vector<Slot> slots_;
  std::vector<TensorDesc> outputs_;
  std::vector<ops::Operand> operands_;
};

bool OpRunner::Node::make_nhwc(ops::LayoutFunction rule_of) {
  const auto rule = rule_of == nullptr ? ops::LayoutRule::nchw_only : rule_of(view());
  if (rule == ops::LayoutRule::nchw_only) return false;
  bool changed = false;
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    Slot& slot = slots_[i];
    const bool is_residual = runner_.epilogue_.residual && i + 1 == slots_.size();
    const bool wanted = rule == ops::LayoutRule::follows || i == 0 || is_residual;
    if (!slot.present || slot.constant || !wanted || !has_layout(slot.desc)) continue;
    slot.value = in_layout(slot.value, Layout::nhwc);
    slot.desc = slot.value.desc();
    changed = true;
  }
  for (TensorDesc& desc : outputs_) {
    if (!has_layout(desc)) continue;
    desc.layout = Layout::nhwc;
    changed = true;
  }
  return changed;
}

std::vector<Tensor> OpRunner::Node::reference() const {
  std::vector<TensorView> src, dst;
  for (const Slot& slot : slots_) src.push_back(slot.present ? slot.value.view() : TensorView{});
  std::vector<Tensor> results;
  for (const TensorDesc& desc : outputs_) {
    results.emplace_back(desc);
    std::memset(results.back().mutable_data(), 0xff, desc.most_bytes());
    dst.push_back(results.back().view());
  }
  if (ops::has_bounds(view())) ops::extents_of (*runner_.op_)(view(), src, dst);
  for (std::size_t i = 0; i < results.size(); ++i) results[i].set_shape(dst[i].desc.shape);
  runner_.op_->reference(view(), src, dst);
  return results;
}

void OpRunner::Node::check(const ops::Executable& executable, const std::vector<Tensor>& expected,
                           const Bound& bound, const Ran& ran) const {
  std::vector<Tensor> first;
  for (const int threads : {1, 2, 3}) {
    SCOPED_TRACE(ran.implementation + " (" + ran.kernel + "), " + std::string(name_of(ran.isa)) + ", " +
                 name_of(ran.layout) + ", " + std::to_string(threads) + " threads");
    const std::vector<Tensor> results = run(executable, threads);
    for (std::size_t i = 0; i < results.size(); ++i) {
      if (threads == 1) {
        expect_close(in_layout(results[i], Layout::nchw), expected[i], bound, ran.implementation, i);
      } else {
        EXPECT_EQ(std::memcmp(results[i].data(), first[i].data(), results[i].bytes()), 0)
            << "output " << i << " differs from that of one thread";
      }
    }
    if (threads == 1) first = results;
  }
  for (const std::int64_t lines : {1, 3, 1000}) {
    if (executable.row_streaming() == nullptr) break;
    SCOPED_TRACE(ran.implementation + ", " + std::string(name_of(ran.isa)) + ", " + std::to_string(lines) +
                 " lines at a time");
    const Tensor result = run_by_lines(executable, lines);
    EXPECT_EQ(std::memcmp(result.data(), first[0].data(), result.bytes()), 0);
  }
}

std::vector<Tensor> OpRunner::Node::run(const ops::Executable& executable, int threads) const {
  std::vector<const void*> src;
  std::vector<Guarded> unread;
  unread.reserve(slots_.size());
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    const Slot& slot = slots_[i];
    src.push_back(slot.present ? slot.value.data() : nullptr);
    if (slot.constant && !executable.reads_constant(i)) {
      unread.emplace_back(slot.value.bytes());
      src.back() = unread.back().data();
    }
  }
  std::vector<Guarded> written;
  std::vector<void*> dst;
  for (const TensorDesc& desc : outputs_) written.emplace_back(desc.most_bytes());
  for (Guarded& block : written) dst.push_back(block.data());
  std::vector<Shape> shapes(outputs_.size());
  std::vector<const Shape*> src_shapes;
  std::vector<Shape*> dst_shapes;
  for (const Slot& slot : slots_)
    src_shapes.push_back(slot.value.empty() ? &slot.desc.shape : &slot.value.shape());
  for (Shape& shape : shapes) dst_shapes.push_back(&shape);

  const ops::Scratch scratch = executable.scratch();
  Guarded shared(scratch.shared);
  std::vector<Guarded> own;
  for (int i = 0; i < threads; ++i) own.emplace_back(scratch.per_worker);
  run_team(threads, [&](const Worker& worker) {
    executable.run({src.data(), dst.data(), shared.data(), own[static_cast<std::size_t>(worker.index)].data(),
                    src_shapes.data(), dst_shapes.data()},
                   worker);
  });

  EXPECT_TRUE(shared.intact()) << "wrote outside of the shared scratch memory";
  for (const Guarded& block : own)
    EXPECT_TRUE(block.intact()) << "wrote outside of a worker's scratch memory";
  std::vector<Tensor> results;
  for (std::size_t i = 0; i < written.size(); ++i) {
    EXPECT_TRUE(written[i].intact()) << "wrote outside of output " << i;
    results.emplace_back(outputs_[i]);
    if (outputs_[i].shape.bounded()) results.back().set_shape(shapes[i]);
    std::memcpy(results.back().mutable_data(), dst[i], results.back().bytes());
  }
  return results;
}

Tensor OpRunner::Node::run_by_lines(const ops::Executable& executable, std::int64_t strip) const {
  const ops::RowStreaming& streams_rows = *executable.row_streaming();
  std::vector<const void*> src{nullptr};
  for (std::size_t i = 1; i < slots_.size(); ++i)
    src.push_back(slots_[i].present ? slots_[i].value.data() : nullptr);
  void* no_dst = nullptr;
  const auto line_bytes = [](const TensorDesc& desc) {
    return desc.bytes() / static_cast<std::size_t>(lines_of(desc));
  };
  const std::size_t src_bytes = line_bytes(slots_[0].desc), dst_bytes = line_bytes(outputs_[0]);
  Tensor result(outputs_[0]);
  for (std::int64_t line = 0; line < lines_of(outputs_[0]); line += strip) {
    const Worker::Range lines{line, std::min(line + strip, lines_of(outputs_[0]))};
    const Worker::Range read = streams_rows.rows_read(lines);
    Guarded part(static_cast<std::size_t>(read.end - read.begin) * src_bytes);
    std::memcpy(part.data(),
                static_cast<const std::byte*>(slots_[0].value.data()) +
                    static_cast<std::size_t>(read.begin) * src_bytes,
                static_cast<std::size_t>(read.end - read.begin) * src_bytes);
    Guarded written(static_cast<std::size_t>(lines.end - lines.begin) * dst_bytes);
    Guarded own(executable.scratch().per_worker);
    streams_rows.run_rows({src.data(), &no_dst, nullptr, own.data()},
                          {lines, part.data(), read.begin, written.data(), lines.begin});
    EXPECT_TRUE(written.intact()) << "wrote outside of its lines";
    EXPECT_TRUE(own.intact()) << "wrote outside of a worker's scratch memory";
    std::memcpy(static_cast<std::byte*>(result.mutable_data()) + static_cast<std::size_t>(line) * dst_bytes,
                written.data(), static_cast<std::size_t>(lines.end - lines.begin) * dst_bytes);
  }
  return result;
}

OpRunner::OpRunner(std::string_view name, std::string_view domain) : op_(ops::find_op(name, domain)) {
  if (op_ == nullptr) throw Error("no operator '" + std::string(name) + "' in this build");
}

OpRunner& OpRunner::add(Slot slot) {
  slots_.push_back(std::move(slot));
  return *this;
}
OpRunner& OpRunner::input(Tensor value) { return add({value.desc(), std::move(value), true, false}); }
OpRunner& OpRunner::input(const TensorDesc& desc) { return add({desc, {}, true, false}); }
OpRunner& OpRunner::input(const Shape& shape) { return input(TensorDesc{DType::f32, shape, Layout::nchw}); }
OpRunner& OpRunner::constant(Tensor value) { return add({value.desc(), std::move(value), true, true}); }
OpRunner& OpRunner::bounded(Tensor value, const Shape& shape) {
  const TensorDesc desc{value.dtype(), shape, Layout::nchw};
  return add({desc, std::move(value), true, false});
}
OpRunner& OpRunner::omitted() { return add({}); }

template <class T>
OpRunner& OpRunner::set(std::string name, T value) {
  attributes_.set(std::move(name), ops::AttributeValue(std::in_place_type<T>, std::move(value)));
  return *this;
}
OpRunner& OpRunner::attribute(std::string name, int value) {
  return set(std::move(name), std::int64_t{value});
}
OpRunner& OpRunner::attribute(std::string name, std::int64_t value) { return set(std::move(name), value); }
OpRunner& OpRunner::attribute(std::string name, float value) { return set(std::move(name), value); }
OpRunner& OpRunner::attribute(std::string name, const char* value) {
  return set(std::move(name), std::string(value));
}
OpRunner& OpRunner::attribute(std::string name, std::vector<std::int64_t> values) {
  return set(std::move(name), std::move(values));
}
OpRunner& OpRunner::attribute(std::string name, std::initializer_list<std::int64_t> values) {
  return set(std::move(name), std::vector<std::int64_t>(values));
}
OpRunner& OpRunner::attribute(std::string name, std::vector<float> values) {
  return set(std::move(name), std::move(values));
}
OpRunner& OpRunner::attribute(std::string name, Tensor value) {
  return set(std::move(name), std::move(value));
}

OpRunner& OpRunner::residual(Tensor value) {
  epilogue_.residual = true;
  residual_ = {value.desc(), std::move(value), true, false};
  return *this;
}

OpRunner& OpRunner::clamp(float minimum, float maximum) {
  epilogue_.minimum = minimum;
  epilogue_.maximum = maximum;
  return *this;
}

OpRunner& OpRunner::outputs(std::size_t count) {
  output_count_ = count;
  return *this;
}

OpRunner& OpRunner::sparse_input() {
  sparse_input_ = true;
  return *this;
}

OpRunner& OpRunner::dst_f32() {
  epilogue_.dst_f32 = true;
  return *this;
}

OpRunner OpRunner::stored_as(DType dtype, std::size_t kept) const {
  OpRunner runner = *this;
  const auto store = [&](Slot& slot) {
    if (slot.desc.dtype != DType::f32 || slot.value.empty()) return;
    slot.value = stored(slot.value, dtype);
    slot.desc = slot.value.desc();
  };
  for (std::size_t i = 0; i < runner.slots_.size(); ++i) {
    if (i != kept) store(runner.slots_[i]);
  }
  if (runner.epilogue_.residual && !runner.epilogue_.dst_f32) store(runner.residual_);
  return runner;
}

std::vector<TensorDesc> OpRunner::infer() const {
  const Node node(*this, {});
  return ops::infer(*op_, node.view());
}

Shape OpRunner::shape() const { return infer().at(0).shape; }

ops::Cost OpRunner::cost() const {
  const Node node(*this, infer());
  return ops::cost(*op_, node.view());
}

ops::LayoutRule OpRunner::layout() const {
  const Node node(*this, infer());
  return op_->layout == nullptr ? ops::LayoutRule::nchw_only : op_->layout(node.view());
}

bool OpRunner::holds(ops::NodePredicate predicate) const {
  const Node node(*this, {});
  return predicate != nullptr && predicate(node.view());
}

std::vector<Tensor> OpRunner::reference() const { return Node(*this, infer()).reference(); }

Tensor OpRunner::magnitudes() const {
  OpRunner absolute = *this;
  absolute.clamp(-std::numeric_limits<float>::infinity());
  for (Slot& slot : absolute.slots_) slot.value = absolute_of(slot.value);
  absolute.residual_.value = absolute_of(absolute.residual_.value);
  for (const auto& [name, value] : attributes_.all()) {
    if (const auto* real = std::get_if<float>(&value)) absolute.attributes_.set(name, std::abs(*real));
  }
  return absolute.reference()[0];
}

std::vector<Ran> OpRunner::run_implementations(const Bound& bound) const {
  const std::vector<Tensor> expected = reference();
  std::vector<Ran> all;
  for (const Isa isa : isas_of_build()) {
    if (!cpu_supports(isa)) continue;
    for (const Layout layout : {Layout::nchw, Layout::nhwc}) {
      Node node(*this, infer());
      // Only references take bounded sizes, and they take them in ONNX's order.
      const bool bounded = ops::has_bounds(node.view());
      if (layout == Layout::nhwc && (bounded || !node.make_nhwc(op_->layout))) continue;
      const ops::Target target{isa};
      ops::WeightCache cache;
      const ops::PrepareContext context{target, cache};
      for (const ops::Implementation* implementation : op_->implementations) {
        if (bounded || !implementation->reject(node.view(), target).empty()) continue;
        const auto executable = implementation->prepare(node.view(), context);
        all.push_back({std::string(implementation->name), isa, layout, executable->kernel()});
        node.check(*executable, expected, bound, all.back());
        const bool streams_rows =
            implementation->streams_rows != nullptr && implementation->streams_rows(node.view());
        EXPECT_EQ(streams_rows, executable->row_streaming() != nullptr) << implementation->name;
      }
      if (isa != Isa::generic) continue;
      all.push_back({"reference", isa, layout, ""});
      node.check(*ops::prepare_reference(*op_, node.view()), expected, exact(), all.back());
    }
  }
  return all;
}

bool did_run(const std::vector<Ran>& all, std::string_view implementation) {
  for (const Ran& ran : all) {
    if (ran.implementation == implementation) return true;
  }
  return false;
}

Bound product_sum_bound(const OpRunner& runner, std::int64_t length) {
  const Tensor magnitudes = runner.magnitudes();
  return [magnitudes, length](const Element& element) {
    constexpr std::int64_t kEpilogueRoundings = 5;
    return gamma(length + kEpilogueRoundings) * value_at(magnitudes, element.index) +
           static_cast<double>(length) * static_cast<double>(std::numeric_limits<float>::denorm_min());
  };
}

}  // namespace godwit::support
