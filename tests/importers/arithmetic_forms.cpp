// Operators of one, two or more numbers, reductions, normalisations, products, recurrent layers.
#include "tests/importers/arithmetic_forms.h"

#include <algorithm>
#include <cstdint>
#include <fmt/format.h>
#include <string>
#include <vector>

#include "runtime/error.h"

namespace godwit::importers::test {
namespace {

using engine::ValueId;
using support::GraphBuilder;
using Fill = std::function<ValueId(GraphBuilder&, DType)>;

// A node of operands of one type and of these shapes.
Fill shaped(const char* op, const std::vector<Shape>& shapes,
            const GraphBuilder::Attributes& attributes = {}) {
  return [=](GraphBuilder& b, DType dtype) {
    std::vector<ValueId> inputs;
    for (std::size_t i = 0; i < shapes.size(); ++i)
      inputs.push_back(b.input(fmt::format("x{}", i), shapes[i], dtype));
    return b.node(op, "y", std::move(inputs), attributes);
  };
}
// A node of numbers and, behind them, integers of some shape.
Fill indexed(const char* op, const Shape& shape, const Shape& indices) {
  return [=](GraphBuilder& b, DType dtype) {
    return b.node(op, "y", {b.input("x", shape, dtype), b.input("indices", indices, DType::s64)});
  };
}
// A node of an image and the axes of its height and width.
Fill reduced(const char* op) {
  return [=](GraphBuilder& b, DType dtype) {
    return b.node(op, "y", {b.input("x", {1, 3, 4, 4}, dtype), b.integers("axes", {2, 3})});
  };
}
// ONNX has none of these types in any opset.
Fill without(const Fill& fill, const std::vector<DType>& dtypes) {
  return [=](GraphBuilder& b, DType dtype) {
    if (std::ranges::find(dtypes, dtype) != dtypes.end()) throw Error("no such type in ONNX");
    return fill(b, dtype);
  };
}
Fill recurrent(const char* op, std::int64_t rows) {
  return shaped(op, {{3, 1, 2}, {1, rows, 2}, {1, rows, 4}}, {{"hidden_size", std::int64_t{4}}});
}

}  // namespace

void add_arithmetic_forms(Forms& forms) {
  const Shape matrix{3, 3}, image{1, 4, 4, 4}, channels{4};
  for (const char* op : {"And", "BitwiseAnd", "BitwiseOr", "BitwiseXor", "Greater", "GreaterOrEqual", "Less",
                         "LessOrEqual", "Max", "Mean", "Min", "Or", "PRelu", "Pow", "Sum", "Xor"})
    forms.emplace(op, shaped(op, {matrix, matrix}));
  for (const char* op : {"ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMin",
                         "ReduceProd", "ReduceSumSquare"})
    forms.emplace(op, reduced(op));
  forms.emplace("Attention", shaped("Attention", {{1, 2, 3, 4}, {1, 2, 5, 4}, {1, 2, 5, 4}}));
  forms.emplace("BitShift", shaped("BitShift", {matrix, matrix}, {{"direction", std::string("LEFT")}}));
  forms.emplace("CumProd", indexed("CumProd", matrix, {}));
  forms.emplace("CumSum", indexed("CumSum", matrix, {}));
  forms.emplace("Det", shaped("Det", {matrix}));
  const Fill einsum = shaped("Einsum", {matrix, matrix}, {{"equation", std::string("ij,jk->ik")}});
  forms.emplace("Einsum", without(einsum, {DType::bf16}));
  forms.emplace("GRU", recurrent("GRU", 12));
  forms.emplace("GroupNormalization",
                shaped("GroupNormalization", {image, channels, channels}, {{"num_groups", std::int64_t{2}}}));
  forms.emplace("InstanceNormalization", shaped("InstanceNormalization", {image, channels, channels}));
  forms.emplace("LRN", shaped("LRN", {image}, {{"size", std::int64_t{3}}}));
  forms.emplace("LSTM", recurrent("LSTM", 16));
  forms.emplace("LayerNormalization", shaped("LayerNormalization", {image, channels}));
  forms.emplace("MeanVarianceNormalization",
                without(shaped("MeanVarianceNormalization", {image}), {DType::f64, DType::f16, DType::bf16}));
  forms.emplace("Mod", shaped("Mod", {matrix, matrix}, {{"fmod", std::int64_t{1}}}));
  forms.emplace("NegativeLogLikelihoodLoss", indexed("NegativeLogLikelihoodLoss", {3, 4}, {3}));
  forms.emplace("RMSNormalization", shaped("RMSNormalization", {image, channels}));
  forms.emplace("RNN", recurrent("RNN", 4));
  forms.emplace("RotaryEmbedding", shaped("RotaryEmbedding", {{1, 2, 3, 4}, {1, 3, 2}, {1, 3, 2}}));
  forms.emplace("Shrink", without(shaped("Shrink", {matrix}), {DType::bf16}));
  forms.emplace("SoftmaxCrossEntropyLoss", indexed("SoftmaxCrossEntropyLoss", {3, 4}, {3}));
}

}  // namespace godwit::importers::test
