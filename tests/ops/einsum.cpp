// Einsum: products and sums that an equation names, dots, implied results, refusals.
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "tests/support/compare.h"
#include "tests/support/counting.h"
#include "tests/support/errors.h"
#include "tests/support/op_runner.h"

namespace godwit::support {
namespace {

using Floats = std::vector<float>;

OpRunner einsum(const char* equation, const std::vector<Tensor>& operands) {
  OpRunner runner("Einsum");
  for (const Tensor& operand : operands) runner.input(operand);
  return runner.attribute("equation", equation);
}
Floats values(const char* equation, const std::vector<Tensor>& operands) {
  return values_of<float>(einsum(equation, operands).reference()[0]);
}

const Tensor& matrix() {
  static const Tensor tensor = Tensor::of<float>({2, 2}, {1, 2, 3, 4});
  return tensor;
}

TEST(EinsumOp, SumsOverWhatTheResultLacks) {
  EXPECT_EQ(values("ij->i", {matrix()}), (Floats{3, 7}));
  EXPECT_EQ(values("ij->", {matrix()}), Floats{10});
  EXPECT_EQ(values("ij -> ji", {matrix()}), (Floats{1, 3, 2, 4}));
  EXPECT_EQ(values("ii->i", {matrix()}), (Floats{1, 4}));
  EXPECT_EQ(values("ii", {matrix()}), Floats{5});
}

TEST(EinsumOp, MultipliesMatrices) {
  EXPECT_EQ(values("ij,jk->ik", {matrix(), matrix()}), (Floats{7, 10, 15, 22}));
  EXPECT_EQ(values("ij,jk", {matrix(), matrix()}), (Floats{7, 10, 15, 22}));
  EXPECT_EQ(values("i,j->ij", {Tensor::of<float>({2}, {1, 2}), Tensor::of<float>({2}, {3, 4})}),
            (Floats{3, 4, 6, 8}));
  EXPECT_EQ(values("i,i,i", {Tensor::of<float>({2}, {1, 2}), Tensor::of<float>({2}, {3, 4}),
                             Tensor::of<float>({2}, {5, 6})}),
            Floats{63});
}

TEST(EinsumOp, BroadcastsWhatDotsStandFor) {
  const Tensor batch = counting({3, 2, 2});
  EXPECT_EQ(einsum("...ij,...jk->...ik", {batch, matrix()}).shape(), Shape({3, 2, 2}));
  EXPECT_EQ(values("...i->...", {matrix()}), (Floats{3, 7}));
  EXPECT_EQ(values("...ij,jk", {Tensor::of<float>({1, 2, 2}, {1, 2, 3, 4}), matrix()}),
            (Floats{7, 10, 15, 22}));
  EXPECT_EQ(einsum("i...,...", {counting({4, 3}), counting({3})}).shape(), Shape({3, 4}));
}

TEST(EinsumOp, WrapsIntegersAround) {
  const Tensor large = Tensor::of<std::int32_t>({2}, {65536, 1});
  EXPECT_EQ(value_at(einsum("i,i", {large, large}).reference()[0], 0), 1);
}

TEST(EinsumOp, InfersSymbols) {
  OpRunner runner("Einsum");
  runner.input({kBatch, 3, 4}).input({kBatch, 4, 5}).attribute("equation", "bij,bjk->bik");
  EXPECT_EQ(runner.shape(), Shape({kBatch, 3, 5}));
}

TEST(EinsumOp, RefusesEquationsThatDoNotFit) {
  const auto refused = [](const char* equation, const std::vector<Tensor>& operands) {
    return error_of([&] { einsum(equation, operands).infer(); });
  };
  EXPECT_EQ(refused("ij,jk->ik", {matrix()}), "the equation has 2 terms for 1 operands");
  EXPECT_EQ(refused("ijk->i", {matrix()}),
            "term 'ijk' of the equation does not name the 2 axes of operand 0");
  EXPECT_EQ(refused("ij->k", {matrix()}), "the equation's result has 'k', which no operand has");
  EXPECT_EQ(refused("ij->ii", {matrix()}), "the equation's result has 'i' twice");
  EXPECT_EQ(refused("i1->i", {matrix()}), "'1' in the equation is neither a letter nor '...'");
  EXPECT_EQ(refused("......ij->i", {matrix()}), "term '......ij' of the equation has '...' twice");
  EXPECT_EQ(refused("abcdefghij->a", {matrix()}),
            "term 'abcdefghij' of the equation has more than 8 letters");
  EXPECT_EQ(refused("ij,ij->i", {matrix(), counting({2, 3})}), "dimensions 2 and 3 do not broadcast");
}

}  // namespace
}  // namespace godwit::support
