// Einsum: products of operands' elements summed over the axes that the result does not have.
#include "ops/einsum.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "ops/arithmetic.h"
#include "ops/axes.h"
#include "ops/movement.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

std::vector<TensorDesc> infer_einsum(const NodeView& node) {
  require_one_dtype(node, kNumberTypes);
  const std::string equation = node.attributes.string("equation", "");
  std::vector<Shape> shapes;
  for (std::size_t i = 0; i < node.own_inputs(); ++i) {
    if (!node.has_input(i)) throw Error("an operand is left out");
    if (!node.shape(i).ranked()) return {{node.input(0).dtype, Shape::unranked(), Layout::nchw}};
    shapes.push_back(node.shape(i));
  }
  const Einsum einsum = parse_einsum(equation, shapes);
  Shape dst;
  for (int axis = 0; axis < einsum.result.rank; ++axis) {
    const int label = einsum.result.labels[static_cast<std::size_t>(axis)];
    dst.append(einsum.sizes[static_cast<std::size_t>(label)]);
  }
  return {{node.input(0).dtype, dst, Layout::nchw}};
}

using Steps = std::array<std::int64_t, kMostLabels>;

// Elements that a step along each axis of the equation moves in an operand; an axis of size 1 is repeated.
Steps steps_of(const EinsumTerm& term, const Shape& shape) {
  Steps steps{};
  std::int64_t step = 1;
  for (int axis = term.rank - 1; axis >= 0; --axis) {
    const auto label = static_cast<std::size_t>(term.labels[static_cast<std::size_t>(axis)]);
    if (shape[axis] != 1) steps[label] += step;
    step *= shape[axis];
  }
  return steps;
}

Einsum einsum_of(const NodeView& node, std::span<const TensorView> src) {
  std::array<Shape, kMostTerms> shapes;
  for (std::size_t i = 0; i < src.size(); ++i) shapes[i] = src[i].desc.shape;
  const auto found = node.attributes.all().find("equation");
  return parse_einsum(std::get<std::string>(found->second), {shapes.data(), src.size()});
}

// Calls visit for every place of the axes in `labels`, with the operands' offsets moved to it.
template <std::size_t kCount, class Visit>
void walk(std::span<const int> labels, const Einsum& einsum, const std::array<Steps, kMostTerms>& steps,
          std::array<std::int64_t, kCount>& offsets, const Visit& visit) {
  if (labels.empty()) return visit();
  const auto label = static_cast<std::size_t>(labels[0]);
  const std::array<std::int64_t, kCount> before = offsets;
  for (std::int64_t i = 0; i < einsum.sizes[label]; ++i) {
    walk(labels.subspan(1), einsum, steps, offsets, visit);
    for (std::size_t operand = 0; operand < einsum.operand_count; ++operand)
      offsets[operand] += steps[operand][label];
  }
  offsets = before;
}

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const Einsum einsum = einsum_of(node, src);
  std::array<Steps, kMostTerms> steps;
  for (std::size_t i = 0; i < src.size(); ++i) steps[i] = steps_of(einsum.operands[i], src[i].desc.shape);
  const std::span<const int> kept(einsum.result.labels.data(), static_cast<std::size_t>(einsum.result.rank));
  std::array<int, kMostLabels> summed{};
  std::size_t summed_count = 0;
  for (int label = 0; label < einsum.label_count; ++label) {
    if (std::ranges::find(kept, label) == kept.end()) summed[summed_count++] = label;
  }
  visit_number(dst[0].desc.dtype, [&]<class T>() {
    using Value = std::conditional_t<std::is_integral_v<T>, std::uint64_t, double>;
    std::array<std::int64_t, kMostTerms> offsets{};
    std::int64_t to = 0;
    walk(kept, einsum, steps, offsets, [&] {
      Value sum = 0;
      walk({summed.data(), summed_count}, einsum, steps, offsets, [&] {
        Value product = 1;
        for (std::size_t i = 0; i < src.size(); ++i)
          product *= static_cast<Value>(src[i].as<const T>()[offsets[i]]);
        sum += product;
      });
      dst[0].as<T>()[to++] = static_cast<T>(sum);
    });
  });
}

Cost cost_einsum(const NodeView& node) {
  std::vector<Shape> shapes;
  for (std::size_t i = 0; i < node.own_inputs(); ++i) {
    if (!node.shape(i).known()) return {};
    shapes.push_back(node.shape(i));
  }
  const Einsum einsum = parse_einsum(node.attributes.string("equation", ""), shapes);
  std::int64_t terms = 1;
  for (int label = 0; label < einsum.label_count; ++label)
    terms = work_product({terms, einsum.sizes[static_cast<std::size_t>(label)]});
  Cost cost;
  const auto products = static_cast<std::int64_t>(einsum.operand_count) - 1;
  cost.macs = products > 0 ? terms : 0;
  cost.flops = work_product({terms, products + 1});
  return cost;
}

}  // namespace

const OpDef& op_einsum() {
  static const OpDef def{
      .name = "Einsum",
      .sentence = "products summed over the axes that an equation leaves out",
      .since_opset = 12,
      .max_inputs = kMostTerms,
      .attributes = {{"equation", AttributeType::string, true}},
      .infer = infer_einsum,
      .reference = reference,
      .cost = cost_einsum,
  };
  return def;
}

}  // namespace godwit::ops
