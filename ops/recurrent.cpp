// Operands are X, W, R, B, sequence_lens, initial_h, initial_c, P, as ONNX has them.
#include "ops/recurrent.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <string>

#include "ops/axes.h"
#include "runtime/counted.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

struct NamedActivation {
  std::string_view name;
  bool has_alpha, has_beta;
  Activation activation;
};

// Defaults are those of ONNX's operators of these names.
const std::array<NamedActivation, 11> kActivations{{
    {"Affine", true, true, {[](double x, double a, double b) { return a * x + b; }, 1, 0}},
    {"Elu", true, false, {[](double x, double a, double) { return x < 0 ? a * std::expm1(x) : x; }, 1, 0}},
    {"HardSigmoid",
     true,
     true,
     {[](double x, double a, double b) { return std::clamp(a * x + b, 0.0, 1.0); }, 0.2F, 0.5}},
    {"LeakyRelu", true, false, {[](double x, double a, double) { return x < 0 ? a * x : x; }, 0.01F, 0}},
    {"Relu", false, false, {[](double x, double, double) { return x < 0 ? 0 : x; }, 0, 0}},
    {"ScaledTanh", true, true, {[](double x, double a, double b) { return a * std::tanh(b * x); }, 1, 1}},
    {"Sigmoid", false, false, {[](double x, double, double) { return 1 / (1 + std::exp(-x)); }, 0, 0}},
    {"Softplus",
     false,
     false,
     {[](double x, double, double) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); }, 0, 0}},
    {"Softsign", false, false, {[](double x, double, double) { return x / (1 + std::abs(x)); }, 0, 0}},
    {"Tanh", false, false, {[](double x, double, double) { return std::tanh(x); }, 0, 0}},
    {"ThresholdedRelu", true, false, {[](double x, double a, double) { return x > a ? x : 0; }, 1, 0}},
}};

bool same_name(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::ranges::equal(a, b, [&](char x, char y) { return lower(x) == lower(y); });
}

const NamedActivation* find_activation(std::string_view name) {
  const auto found =
      std::ranges::find_if(kActivations, [&](const auto& known) { return same_name(known.name, name); });
  return found == kActivations.end() ? nullptr : &*found;
}

std::span<const std::string> names_of(const NodeView& node) {
  const auto found = node.attributes.all().find("activations");
  if (found == node.attributes.all().end()) return {};
  return std::get<std::vector<std::string>>(found->second);
}

// Constants are given in order to those functions that have them.
void read_activations(const NodeView& node, const RecurrentKind& kind, Recurrent& layer) {
  const std::span<const std::string> names = names_of(node);
  std::span<const float> alphas = node.attributes.reals("activation_alpha");
  std::span<const float> betas = node.attributes.reals("activation_beta");
  const auto count = static_cast<std::size_t>(kind.activations);
  const auto wanted = static_cast<std::size_t>(layer.directions) * count;
  if (!names.empty() && names.size() != wanted) {
    throw Error(fmt::format("attribute 'activations' has {}, expected {}", counted(names.size(), "function"),
                            wanted));
  }
  const auto take = [](std::span<const float>& values, double& value) {
    if (values.empty()) return;
    value = static_cast<double>(values[0]);
    values = values.subspan(1);
  };
  for (std::size_t i = 0; i < wanted; ++i) {
    const std::string_view name = names.empty() ? kind.defaults[i % count] : std::string_view(names[i]);
    const NamedActivation* known = find_activation(name);
    if (known == nullptr)
      throw Error(fmt::format("attribute 'activations' has '{}', which is not known", name));
    Activation& activation = layer.activations[i / count][i % count];
    activation = known->activation;
    if (known->has_alpha) take(alphas, activation.alpha);
    if (known->has_beta) take(betas, activation.beta);
  }
}

std::int64_t dim_of(const NodeView& node, std::size_t i, int axis) {
  return node.has_input(i) && node.shape(i).ranked() ? node.shape(i)[axis] : kAnyDim;
}

void require_shape(const NodeView& node, std::size_t i, std::string_view name, const Shape& expected) {
  if (!node.has_input(i) || !node.shape(i).ranked()) return;
  const Shape& shape = node.shape(i);
  bool fits = shape.rank() == expected.rank();
  for (int axis = 0; fits && axis < shape.rank(); ++axis) fits = may_be_same_dim(shape[axis], expected[axis]);
  if (fits) return;
  throw Error(fmt::format("input {} ({}) has shape {}, expected {}", i, name, shape.to_string(),
                          expected.to_string()));
}

}  // namespace

std::vector<AttributeSpec> recurrent_attributes(std::initializer_list<AttributeSpec> own) {
  std::vector<AttributeSpec> all{
      {"activation_alpha", AttributeType::reals}, {"activation_beta", AttributeType::reals},
      {"activations", AttributeType::strings},    {"clip", AttributeType::real},
      {"direction", AttributeType::string},       {"hidden_size", AttributeType::integer},
      {"layout", AttributeType::integer}};
  all.insert(all.end(), own);
  return all;
}

Recurrent recurrent_of(const NodeView& node, const RecurrentKind& kind) {
  Recurrent layer;
  const std::string direction = node.attributes.string("direction", "forward");
  if (direction != "forward" && direction != "reverse" && direction != "bidirectional") {
    throw Error(fmt::format("attribute 'direction' is '{}', expected 'forward', 'reverse' or 'bidirectional'",
                            direction));
  }
  layer.directions = direction == "bidirectional" ? 2 : 1;
  layer.reverse = direction == "reverse";
  layer.batch_first = node.attributes.flag("layout", false);
  layer.clip = static_cast<double>(node.attributes.real("clip", 0));
  layer.hidden = node.attributes.integer("hidden_size", dim_of(node, 2, 2));
  if (layer.hidden > kLargestHidden) {
    throw Error(fmt::format("the hidden size is {}, at most {} is supported", layer.hidden, kLargestHidden));
  }
  read_activations(node, kind, layer);
  return layer;
}

std::vector<TensorDesc> infer_recurrent(const NodeView& node, const RecurrentKind& kind) {
  std::vector<Operand> numbers(node.inputs.begin(), node.inputs.end());
  if (numbers.size() > 4) numbers[4] = {};
  NodeView alike = node;
  alike.inputs = numbers;
  require_one_dtype(alike, kFloatTypes);
  if (node.has_input(4) && node.input(4).dtype != DType::s32)
    throw Error(fmt::format("input 4 (sequence_lens) is {}, expected s32", name_of(node.input(4).dtype)));
  require_rank(node, 0, 3, 3);
  const Recurrent layer = recurrent_of(node, kind);
  const bool first = layer.batch_first;
  const std::int64_t batch = dim_of(node, 0, first ? 0 : 1), length = dim_of(node, 0, first ? 1 : 0);
  const std::int64_t hidden = layer.hidden, directions = layer.directions;
  const std::int64_t rows = is_known(hidden) ? kind.gates * hidden : kAnyDim;
  require_shape(node, 1, "W", {directions, rows, dim_of(node, 0, 2)});
  require_shape(node, 2, "R", {directions, rows, hidden});
  require_shape(node, 3, "B", {directions, is_known(rows) ? 2 * rows : kAnyDim});
  require_shape(node, 4, "sequence_lens", {batch});
  const Shape state = first ? Shape{batch, directions, hidden} : Shape{directions, batch, hidden};
  require_shape(node, 5, "initial_h", state);
  require_shape(node, 6, "initial_c", state);
  require_shape(node, 7, "P", {directions, is_known(hidden) ? 3 * hidden : kAnyDim});
  const Shape all =
      first ? Shape{batch, length, directions, hidden} : Shape{length, directions, batch, hidden};
  std::vector<TensorDesc> descs{{node.input(0).dtype, all, Layout::nchw}};
  descs.resize(node.output_count, {node.input(0).dtype, state, Layout::nchw});
  return descs;
}

Cost cost_of_recurrent(const NodeView& node, int gates) {
  const Shape &x = node.shape(0), &w = node.shape(1);
  const std::int64_t hidden = node.attributes.integer("hidden_size", dim_of(node, 2, 2));
  if (!x.known() || !w.known() || !is_known(hidden)) return {};
  const std::int64_t per_step = work_product({gates, hidden, work_sum({x[2], hidden})});
  Cost cost;
  cost.macs = work_product({x[0], x[1], w[0], per_step});
  cost.flops = work_sum({work_product({2, cost.macs}), work_product({x[0], x[1], w[0], hidden, 8, gates})});
  return cost;
}

Weights::Weights(std::span<const TensorView> src, std::int64_t direction, std::int64_t hidden, int gates)
    : src_(src),
      direction_(direction),
      hidden_(hidden),
      rows_(gates * hidden),
      inputs_(src[1].desc.shape[2]) {}

double Weights::input(std::int64_t row, const TensorView& x, std::int64_t first) const {
  double sum = 0;
  visit_float(x.desc.dtype, [&]<class T>() {
    const T* weights = src_[1].as<const T>() + (direction_ * rows_ + row) * inputs_;
    const T* values = x.as<const T>() + first;
    for (std::int64_t i = 0; i < inputs_; ++i)
      sum += static_cast<double>(weights[i]) * static_cast<double>(values[i]);
  });
  return sum;
}

double Weights::state(std::int64_t row, const double* state) const {
  double sum = 0;
  visit_float(src_[2].desc.dtype, [&]<class T>() {
    const T* weights = src_[2].as<const T>() + (direction_ * rows_ + row) * hidden_;
    for (std::int64_t i = 0; i < hidden_; ++i) sum += static_cast<double>(weights[i]) * state[i];
  });
  return sum;
}

double Weights::bias(std::int64_t i) const {
  return src_.size() > 3 && src_[3].present() ? real_at(src_[3], direction_ * 2 * rows_ + i) : 0;
}

double Weights::peephole(std::int64_t row) const {
  return src_.size() > 7 && src_[7].present() ? real_at(src_[7], direction_ * 3 * hidden_ + row) : 0;
}

double clip_gate(const Recurrent& layer, double value) {
  return layer.clip > 0 ? std::clamp(value, -layer.clip, layer.clip) : value;
}

void run_recurrent(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst,
                   const RecurrentKind& kind, CellFunction cell, bool with_cell) {
  const Recurrent layer = recurrent_of(node, kind);
  const Shape& shape = src[0].desc.shape;
  const bool batch_first = layer.batch_first;
  const std::int64_t length = shape[batch_first ? 1 : 0], batch = shape[batch_first ? 0 : 1];
  const std::int64_t hidden = layer.hidden, directions = layer.directions;
  const auto given = [&](std::size_t i) { return src.size() > i && src[i].present(); };
  const auto wanted = [&](std::size_t i) { return dst.size() > i && dst[i].present(); };
  State h, c;
  for (std::int64_t d = 0; d < directions; ++d) {
    const Weights weights(src, d, hidden, kind.gates);
    const bool backwards = layer.reverse || d == 1;
    for (std::int64_t b = 0; b < batch; ++b) {
      const std::int64_t state = (batch_first ? b * directions + d : d * batch + b) * hidden;
      const auto y = [&](std::int64_t t) {
        return (batch_first ? (b * length + t) * directions + d : (t * directions + d) * batch + b) * hidden;
      };
      for (std::int64_t j = 0; j < hidden; ++j) {
        h[static_cast<std::size_t>(j)] = given(5) ? real_at(src[5], state + j) : 0;
        c[static_cast<std::size_t>(j)] = with_cell && given(6) ? real_at(src[6], state + j) : 0;
      }
      const std::int64_t given_steps = given(4) ? src[4].as<const std::int32_t>()[b] : length;
      const std::int64_t steps = std::clamp<std::int64_t>(given_steps, 0, length);
      for (std::int64_t step = 0; step < steps; ++step) {
        const std::int64_t t = backwards ? steps - 1 - step : step;
        const std::int64_t first = (batch_first ? b * length + t : t * batch + b) * shape[2];
        cell(node, layer, weights, d, src[0], first, h, c);
        if (!wanted(0)) continue;
        for (std::int64_t j = 0; j < hidden; ++j) set_real(dst[0], y(t) + j, h[static_cast<std::size_t>(j)]);
      }
      for (std::int64_t t = steps; t < length && wanted(0); ++t) {
        for (std::int64_t j = 0; j < hidden; ++j) set_real(dst[0], y(t) + j, 0);
      }
      for (std::int64_t j = 0; j < hidden; ++j) {
        if (wanted(1)) set_real(dst[1], state + j, h[static_cast<std::size_t>(j)]);
        if (wanted(2)) set_real(dst[2], state + j, c[static_cast<std::size_t>(j)]);
      }
    }
  }
}

}  // namespace godwit::ops
