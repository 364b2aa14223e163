// If, Loop and Scan: which bodies run, how often, and what becomes of what they give.
#include <algorithm>
#include <cstring>
#include <fmt/format.h>

#include "engine/body.h"
#include "engine/interpreter.h"
#include "ops/axes.h"
#include "ops/bodies.h"
#include "runtime/error.h"

namespace godwit::engine {
namespace {

using Operands = std::span<const RunValue* const>;

// A loop that runs longer has lost its way.
constexpr std::int64_t kMostIterations = std::int64_t{1} << 24;

bool is_given(const RunValue* value) { return value != nullptr && value->kind != RunValue::Kind::none; }

bool truth(const RunValue& value, std::string_view what) {
  if (value.kind != RunValue::Kind::tensor || value.tensor.dtype() != DType::boolean ||
      value.tensor.shape().elements() != 1) {
    throw Error(fmt::format("{} is no single boolean", what));
  }
  return value.tensor.values<bool>()[0];
}

RunValue scalar(bool value) { return RunValue::of(Tensor::of<bool>({}, {value})); }
RunValue scalar(std::int64_t value) { return RunValue::of(Tensor::of<std::int64_t>({}, {value})); }

std::size_t captured_count(const Node& node) {
  return static_cast<std::size_t>(node.attributes.integer(ops::kCaptures, 0));
}

RunValue value_of(const RunValue* operand) { return operand == nullptr ? RunValue{} : *operand; }

// Bytes of `count` elements along and behind an axis of a tensor.
std::size_t run_bytes(const Tensor& tensor, int axis) {
  return static_cast<std::size_t>(tensor.shape().product(axis, tensor.shape().rank())) *
         size_of(tensor.dtype());
}

// Slice `index` along `axis`, which goes.
Tensor slice_of(const Tensor& tensor, int axis, std::int64_t index) {
  Shape shape;
  for (int k = 0; k < tensor.shape().rank(); ++k) {
    if (k != axis) shape.append(tensor.shape()[k]);
  }
  Tensor slice({tensor.dtype(), shape, Layout::nchw});
  const std::size_t part = run_bytes(tensor, axis + 1);
  const std::int64_t count = tensor.shape()[axis], outer = tensor.shape().product(0, axis);
  const auto* src = static_cast<const std::byte*>(tensor.data());
  auto* dst = static_cast<std::byte*>(slice.mutable_data());
  for (std::int64_t i = 0; i < outer && part > 0; ++i)
    std::memcpy(dst + static_cast<std::size_t>(i) * part,
                src + static_cast<std::size_t>(i * count + index) * part, part);
  return slice;
}

// The other way: slices of one shape along a new axis. Without any, `desc` says what they would have been.
Tensor stacked(const std::vector<Tensor>& slices, std::int64_t axis_attribute, const TensorDesc& desc) {
  Shape shape = slices.empty() ? desc.shape : slices[0].shape();
  const int axis = slices.empty() ? 0 : ops::normalize_axis(axis_attribute, shape.rank() + 1);
  if (slices.empty()) {
    // Gives nothing for a size that nothing tells.
    if (!shape.ranked() || shape.rank() == 0) shape = Shape{0};
    for (int k = 0; k < shape.rank(); ++k) shape[k] = is_known(shape[k]) ? shape[k] : 0;
    return Tensor({desc.dtype, shape, Layout::nchw});
  }
  for (const Tensor& slice : slices) {
    if (slice.shape() == shape && slice.dtype() == slices[0].dtype()) continue;
    throw Error(fmt::format("its body gives {} once and {} another time, which cannot be put together",
                            slices[0].desc().to_string(), slice.desc().to_string()));
  }
  Shape all;
  for (int k = 0; k <= shape.rank(); ++k) {
    if (k == axis) all.append(static_cast<std::int64_t>(slices.size()));
    if (k < shape.rank()) all.append(shape[k]);
  }
  Tensor tensor({slices[0].dtype(), all, Layout::nchw});
  const std::size_t part = run_bytes(tensor, axis + 1);
  const std::int64_t outer = all.product(0, axis);
  auto* dst = static_cast<std::byte*>(tensor.mutable_data());
  for (std::size_t s = 0; s < slices.size(); ++s) {
    const auto* src = static_cast<const std::byte*>(slices[s].data());
    for (std::int64_t i = 0; i < outer && part > 0; ++i)
      std::memcpy(dst + (static_cast<std::size_t>(i) * slices.size() + s) * part,
                  src + static_cast<std::size_t>(i) * part, part);
  }
  return tensor;
}

// Collects one result of a body over all its runs.
struct Slices {
  std::vector<Tensor> parts;

  void add(const RunValue& value) {
    if (value.kind != RunValue::Kind::tensor)
      throw Error("its body gives something else than a tensor to put together");
    parts.push_back(value.tensor);
  }
};

std::int64_t list_entry(const Node& node, std::string_view attribute, std::size_t i) {
  const auto values = node.attributes.integers(attribute);
  return i < values.size() ? values[i] : 0;
}

}  // namespace

std::vector<RunValue> Interpreter::run_body(const Node& node, std::string_view attribute, Operands operands) {
  std::vector<RunValue> inputs;
  for (const RunValue* operand : operands) inputs.push_back(value_of(operand));
  return run(body_of(node, attribute).graph(), inputs);
}

std::vector<RunValue> Interpreter::run_if(const Node& node, Operands operands) {
  const bool condition = truth(*operands[0], "the condition (input 0)");
  return run_body(node, condition ? "then_branch" : "else_branch", operands.subspan(1));
}

std::vector<RunValue> Interpreter::run_loop(const Node& node, Operands operands) {
  const Graph& body = body_of(node, "body").graph();
  const std::size_t states = body.inputs.size() - 2 - captured_count(node);
  std::int64_t most = kMostIterations + 1;
  if (is_given(operands[0])) {
    if (operands[0]->tensor.shape().elements() != 1)
      throw Error("the number of times (input 0) is no number");
    most = std::min(most, operands[0]->tensor.values<std::int64_t>()[0]);
  }
  bool goes_on = !is_given(operands[1]) || truth(*operands[1], "the condition (input 1)");

  std::vector<RunValue> inputs(2);
  for (const RunValue* operand : operands.subspan(2)) inputs.push_back(value_of(operand));
  std::vector<Slices> slices(body.outputs.size() - 1 - states);
  for (std::int64_t i = 0; i < most && goes_on; ++i) {
    if (i == kMostIterations) throw Error(fmt::format("has run {} times and would go on", kMostIterations));
    inputs[0] = scalar(i);
    inputs[1] = scalar(goes_on);
    std::vector<RunValue> results = run(body, inputs);
    goes_on = truth(results[0], "its body's condition");
    for (std::size_t s = 0; s < states; ++s) inputs[2 + s] = std::move(results[1 + s]);
    for (std::size_t k = 0; k < slices.size(); ++k) slices[k].add(results[1 + states + k]);
  }
  std::vector<RunValue> results(inputs.begin() + 2, inputs.begin() + 2 + static_cast<std::ptrdiff_t>(states));
  for (std::size_t k = 0; k < slices.size(); ++k) {
    const TensorDesc& slice = body.value(body.outputs[1 + states + k]).desc;
    TensorDesc none{slice.dtype, Shape{0}, Layout::nchw};
    for (const std::int64_t dim : slice.shape.dims()) none.shape.append(dim);
    results.push_back(RunValue::of(stacked(slices[k].parts, 0, none)));
  }
  return results;
}

std::vector<RunValue> Interpreter::run_scan(const Node& node, Operands operands) {
  const Graph& body = body_of(node, "body").graph();
  const auto scans = static_cast<std::size_t>(node.attributes.integer("num_scan_inputs", 0));
  const std::size_t states = body.inputs.size() - scans - captured_count(node);
  std::vector<RunValue> inputs;
  for (const RunValue* operand : operands) inputs.push_back(value_of(operand));
  std::vector<int> axes;
  std::int64_t length = -1;
  for (std::size_t i = 0; i < scans; ++i) {
    const RunValue& value = inputs[states + i];
    if (value.kind != RunValue::Kind::tensor) throw Error(fmt::format("input {} is no tensor", states + i));
    const Shape& shape = value.tensor.shape();
    axes.push_back(ops::normalize_axis(list_entry(node, "scan_input_axes", i), shape.rank()));
    if (length >= 0 && shape[axes[i]] != length)
      throw Error(fmt::format("input {} has {} slices, another one {}", states + i, shape[axes[i]], length));
    length = shape[axes[i]];
  }
  std::vector<Slices> slices(body.outputs.size() - states);
  for (std::int64_t t = 0; t < length; ++t) {
    for (std::size_t i = 0; i < scans; ++i) {
      const bool backwards = list_entry(node, "scan_input_directions", i) != 0;
      inputs[states + i] =
          RunValue::of(slice_of(operands[states + i]->tensor, axes[i], backwards ? length - 1 - t : t));
    }
    std::vector<RunValue> results = run(body, inputs);
    for (std::size_t s = 0; s < states; ++s) inputs[s] = std::move(results[s]);
    for (std::size_t k = 0; k < slices.size(); ++k) slices[k].add(results[states + k]);
  }
  std::vector<RunValue> results(inputs.begin(), inputs.begin() + static_cast<std::ptrdiff_t>(states));
  for (std::size_t k = 0; k < slices.size(); ++k) {
    if (list_entry(node, "scan_output_directions", k) != 0) std::ranges::reverse(slices[k].parts);
    const TensorDesc& slice = body.value(body.outputs[states + k]).desc;
    TensorDesc none{slice.dtype, Shape{0}, Layout::nchw};
    for (const std::int64_t dim : slice.shape.dims()) none.shape.append(dim);
    results.push_back(RunValue::of(stacked(slices[k].parts, list_entry(node, "scan_output_axes", k), none)));
  }
  return results;
}

}  // namespace godwit::engine
