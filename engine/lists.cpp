// Operators on lists of tensors, and on optional values, while a graph runs node by node.
#include <algorithm>
#include <array>
#include <cstring>
#include <fmt/format.h>

#include "engine/interpreter.h"
#include "ops/axes.h"
#include "ops/known_ops.h"
#include "ops/movement.h"
#include "runtime/error.h"

namespace godwit::engine {
namespace {

using Operands = std::span<const RunValue* const>;
using Results = std::vector<RunValue>;
using Kind = RunValue::Kind;

bool is_given(Operands operands, std::size_t i) {
  return i < operands.size() && operands[i] != nullptr && operands[i]->kind != Kind::none;
}

const std::vector<Tensor>& list_at(Operands operands, std::size_t i) {
  if (!is_given(operands, i) || operands[i]->kind != Kind::list)
    throw Error(fmt::format("input {} is no list of tensors", i));
  return operands[i]->list;
}
const Tensor& tensor_at(Operands operands, std::size_t i) {
  if (!is_given(operands, i) || operands[i]->kind != Kind::tensor)
    throw Error(fmt::format("input {} is no tensor", i));
  return operands[i]->tensor;
}

// One integer as a position among `count` places, which may be counted from the end.
std::size_t position(const Tensor& tensor, std::size_t count) {
  if (tensor.shape().elements() != 1 || (tensor.dtype() != DType::s64 && tensor.dtype() != DType::s32))
    throw Error("the position in a list is no integer");
  const std::int64_t given = ops::integer_at(tensor.view(), 0), all = static_cast<std::int64_t>(count);
  if (given < -all || given >= all)
    throw Error(fmt::format("position {} is not in a list of {}", given, count));
  return static_cast<std::size_t>(given < 0 ? given + all : given);
}

Tensor scalar(std::int64_t value) { return Tensor::of<std::int64_t>({}, {value}); }

// Elements [begin, end) along an axis.
Tensor part_of(const Tensor& tensor, int axis, std::int64_t begin, std::int64_t end) {
  Shape shape = tensor.shape();
  const std::int64_t count = shape[axis], outer = shape.product(0, axis);
  const auto inner =
      static_cast<std::size_t>(shape.product(axis + 1, shape.rank())) * size_of(tensor.dtype());
  shape[axis] = end - begin;
  Tensor part({tensor.dtype(), shape, Layout::nchw});
  const std::size_t bytes = static_cast<std::size_t>(end - begin) * inner;
  for (std::int64_t i = 0; i < outer && bytes > 0; ++i)
    std::memcpy(
        static_cast<std::byte*>(part.mutable_data()) + static_cast<std::size_t>(i) * bytes,
        static_cast<const std::byte*>(tensor.data()) + static_cast<std::size_t>(i * count + begin) * inner,
        bytes);
  return part;
}

Tensor joined(const std::vector<Tensor>& parts, std::int64_t axis_attribute, bool new_axis) {
  if (parts.empty()) throw Error("an empty list cannot be put together");
  std::vector<Tensor> sources;
  const int rank = parts[0].shape().rank() + (new_axis ? 1 : 0);
  const int axis = ops::normalize_axis(axis_attribute, rank);
  for (const Tensor& part : parts) {
    if (!new_axis) {
      sources.push_back(part);
      continue;
    }
    Shape shape;
    for (int k = 0; k < rank; ++k) shape.append(k == axis ? 1 : part.shape()[k > axis ? k - 1 : k]);
    sources.push_back(part.reshaped(shape));
  }
  Shape all = sources[0].shape();
  all[axis] = 0;
  for (const Tensor& source : sources) {
    bool fits = source.shape().rank() == rank && source.dtype() == sources[0].dtype();
    for (int k = 0; fits && k < rank; ++k) fits = k == axis || source.shape()[k] == all[k];
    if (!fits)
      throw Error(fmt::format("tensors of {} and {} do not fit together along axis {}",
                              sources[0].desc().to_string(), source.desc().to_string(), axis));
    all[axis] += source.shape()[axis];
  }
  Tensor result({sources[0].dtype(), all, Layout::nchw});
  const std::int64_t outer = all.product(0, axis);
  const std::size_t stride = static_cast<std::size_t>(all.product(axis, rank)) * size_of(result.dtype());
  std::size_t offset = 0;
  for (const Tensor& source : sources) {
    const std::size_t bytes =
        static_cast<std::size_t>(source.shape().product(axis, rank)) * size_of(result.dtype());
    for (std::int64_t i = 0; i < outer && bytes > 0; ++i)
      std::memcpy(
          static_cast<std::byte*>(result.mutable_data()) + static_cast<std::size_t>(i) * stride + offset,
          static_cast<const std::byte*>(source.data()) + static_cast<std::size_t>(i) * bytes, bytes);
    offset += bytes;
  }
  return result;
}

Results construct(const Node&, Operands operands) {
  std::vector<Tensor> list;
  for (std::size_t i = 0; i < operands.size(); ++i) list.push_back(tensor_at(operands, i));
  return {RunValue::of(std::move(list))};
}
Results empty(const Node&, Operands) { return {RunValue::of(std::vector<Tensor>{})}; }
Results at(const Node&, Operands operands) {
  const std::vector<Tensor>& list = list_at(operands, 0);
  return {RunValue::of(list[position(tensor_at(operands, 1), list.size())])};
}
Results insert(const Node&, Operands operands) {
  std::vector<Tensor> list = list_at(operands, 0);
  std::size_t place = list.size();
  if (is_given(operands, 2)) {
    // The place behind the last element is one more than there are elements.
    const Tensor& given = tensor_at(operands, 2);
    const bool at_end = given.shape().elements() == 1 &&
                        ops::integer_at(given.view(), 0) == static_cast<std::int64_t>(list.size());
    if (!at_end) place = position(given, list.size());
  }
  list.insert(list.begin() + static_cast<std::ptrdiff_t>(place), tensor_at(operands, 1));
  return {RunValue::of(std::move(list))};
}
Results erase(const Node&, Operands operands) {
  std::vector<Tensor> list = list_at(operands, 0);
  if (list.empty()) throw Error("nothing can be taken out of an empty list");
  const std::size_t place =
      is_given(operands, 1) ? position(tensor_at(operands, 1), list.size()) : list.size() - 1;
  list.erase(list.begin() + static_cast<std::ptrdiff_t>(place));
  return {RunValue::of(std::move(list))};
}
Results length(const Node&, Operands operands) {
  return {RunValue::of(scalar(static_cast<std::int64_t>(list_at(operands, 0).size())))};
}
Results concat(const Node& node, Operands operands) {
  return {RunValue::of(joined(list_at(operands, 0), node.attributes.integer("axis", 0),
                              node.attributes.flag("new_axis", false)))};
}

Results split(const Node& node, Operands operands) {
  const Tensor& tensor = tensor_at(operands, 0);
  const int axis = ops::normalize_axis(node.attributes.integer("axis", 0), tensor.shape().rank());
  const std::int64_t count = tensor.shape()[axis];
  std::vector<std::int64_t> sizes;
  bool keep = true;
  if (!is_given(operands, 1)) {
    sizes.assign(static_cast<std::size_t>(count), 1);
    keep = node.attributes.flag("keepdims", true);
  } else {
    const Tensor& given = tensor_at(operands, 1);
    if (given.shape().rank() == 0) {
      const std::int64_t size = ops::integer_at(given.view(), 0);
      if (size < 1) throw Error(fmt::format("parts of {} elements cannot be made", size));
      for (std::int64_t left = count; left > 0; left -= size) sizes.push_back(std::min(size, left));
    } else {
      for (std::int64_t i = 0; i < given.shape().elements(); ++i)
        sizes.push_back(ops::integer_at(given.view(), i));
    }
  }
  std::vector<Tensor> list;
  std::int64_t begin = 0;
  for (const std::int64_t size : sizes) {
    if (size < 0 || size > count - begin)
      throw Error(fmt::format("parts of {} and more elements do not fill axis {} of {}", size, axis,
                              tensor.shape().to_string()));
    Tensor part = part_of(tensor, axis, begin, begin + size);
    begin += size;
    if (!keep) {
      Shape shape;
      for (int k = 0; k < part.shape().rank(); ++k) {
        if (k != axis) shape.append(part.shape()[k]);
      }
      part = part.reshaped(shape);
    }
    list.push_back(std::move(part));
  }
  if (begin != count)
    throw Error(fmt::format("parts of {} elements in all do not fill axis {} of {}", begin, axis,
                            tensor.shape().to_string()));
  return {RunValue::of(std::move(list))};
}

Results optional(const Node&, Operands operands) {
  return {is_given(operands, 0) ? *operands[0] : RunValue{}};
}
Results optional_element(const Node&, Operands operands) {
  if (!is_given(operands, 0)) throw Error("the optional value is empty");
  return {*operands[0]};
}
Results has_element(const Node&, Operands operands) {
  return {RunValue::of(Tensor::of<bool>({}, {is_given(operands, 0)}))};
}

struct Row {
  const ops::OpDef& (*op)();
  Results (*run)(const Node& node, Operands operands);
};
constexpr std::array kRows = {
    Row{ops::op_sequence_construct, construct},
    Row{ops::op_sequence_empty, empty},
    Row{ops::op_sequence_at, at},
    Row{ops::op_sequence_insert, insert},
    Row{ops::op_sequence_erase, erase},
    Row{ops::op_sequence_length, length},
    Row{ops::op_concat_from_sequence, concat},
    Row{ops::op_split_to_sequence, split},
    Row{ops::op_optional, optional},
    Row{ops::op_optional_get_element, optional_element},
    Row{ops::op_optional_has_element, has_element},
};

}  // namespace

std::vector<RunValue> run_sequence_op(const Node& node, Operands operands) {
  for (const Row& row : kRows) {
    if (node.op == &row.op()) return row.run(node, operands);
  }
  throw Error(fmt::format("internal error: nothing runs {}", node.op->name), ErrorKind::failed);
}

}  // namespace godwit::engine
