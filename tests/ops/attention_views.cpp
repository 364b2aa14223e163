// AttentionViews and the fused form of Attention: values, refusals, and every implementation against the
// reference.
#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <vector>

#include "ops/attention.h"
#include "tests/support/compare.h"
#include "tests/support/errors.h"
#include "tests/support/op_runner.h"
#include "tests/support/random.h"

namespace godwit::support {
namespace {

using ops::AttentionViews;
using ops::HeadView;

OpRunner views_runner(const AttentionViews& views, const Shape& result) {
  ops::Attributes attributes;
  set_attention_views(attributes, views, result);
  OpRunner runner("AttentionViews", "godwit");
  for (const auto& [name, value] : attributes.all()) {
    if (const auto* list = std::get_if<std::vector<std::int64_t>>(&value)) runner.attribute(name, *list);
    if (const auto* number = std::get_if<float>(&value)) runner.attribute(name, *number);
  }
  return runner;
}

// Operands are from -1 to 1, masks from -m to m. A score is a sum of `size` products; its error, that of
// its scaling, of the mask's sum and of the difference to the largest move e^x relatively by as much. e^x
// takes 12 roundings, in the sum as well, which takes `keys`; results are sums of `keys` products of values
// up to 1, weights adding up to 1, and a quotient.
Bound attention_bound(const AttentionViews& views, double m = 0) {
  const double most = std::abs(static_cast<double>(views.scale)) * static_cast<double>(views.size) + m;
  const double score = gamma(views.size + 3) * most, difference = gamma(2) * 2 * most;
  const double bound = 2 * std::expm1(2 * score + difference) + gamma(2 * 12 + 2 * views.keys + 4);
  return [bound](const Element&) { return bound; };
}

// Queries, keys and values in one tensor (rows, 3, heads, size), as one product gives them.
AttentionViews packed(std::int64_t batch, std::int64_t heads, std::int64_t rows, std::int64_t size) {
  const std::int64_t row = 3 * heads * size;
  const auto part = [&](std::int64_t i) { return HeadView{i * heads * size, rows * row, size, row}; };
  return {.batch = batch,
          .heads = heads,
          .kv_heads = heads,
          .queries = rows,
          .keys = rows,
          .size = size,
          .value_size = size,
          .query = part(0),
          .key = part(1),
          .value = part(2),
          .result = {0, rows * heads * size, size, heads * size},
          .mask = std::nullopt,
          .scale = 0.5F};
}

TEST(AttentionViewsOp, WeighsValues) {
  AttentionViews views = packed(1, 1, 2, 1);
  // Rows of query, key and value; keys 0 make all weights a half.
  const Tensor rows = Tensor::of<float>({2, 3}, {1, 0, 2, 5, 0, 4});
  OpRunner runner = views_runner(views, {1, 2, 1});
  runner.input(rows).input(rows).input(rows);
  EXPECT_EQ(values_of<float>(runner.reference()[0]), (std::vector<float>{3, 3}));
  EXPECT_EQ(runner.shape(), Shape({1, 2, 1}));
  views.mask = ops::MaskView{1, 0, 0, 2};
  OpRunner masked = views_runner(views, {2});
  constexpr float kInf = std::numeric_limits<float>::infinity();
  masked.input(rows).input(rows).input(rows).constant(Tensor::of<float>({4}, {0, -kInf, -kInf, 0}));
  EXPECT_EQ(values_of<float>(masked.reference()[0]), (std::vector<float>{2, 4}));
  EXPECT_EQ(masked.cost().macs, 2 * 2 * 2);
}

TEST(AttentionViewsOp, EveryImplementationAgrees) {
  struct Case {
    std::int64_t batch, heads, rows, size;
  };
  for (const auto& [batch, heads, rows, size] :
       {Case{1, 1, 1, 1}, Case{2, 3, 5, 7}, Case{1, 2, 49, 32}, Case{3, 1, 17, 16}, Case{1, 12, 33, 64},
        Case{1, 1, 100, 40}, Case{1, 16, 15, 64}}) {
    const AttentionViews views = packed(batch, heads, rows, size);
    const Tensor src = random_tensor({batch, rows, 3 * heads * size}, 1);
    const Shape dst{batch, rows, heads * size};
    OpRunner runner = views_runner(views, dst);
    runner.input(src).input(src).input(src);
    EXPECT_TRUE(did_run(runner.run_implementations(attention_bound(views)), "attention_views"));
    AttentionViews masked = views;
    masked.mask = ops::MaskView{1, 0, rows * rows, rows};
    OpRunner with_mask = views_runner(masked, dst);
    with_mask.input(src).input(src).input(src).constant(random_tensor({heads, rows, rows}, 2));
    with_mask.run_implementations(attention_bound(masked, 1));
  }
}

TEST(AttentionViewsOp, HandsOnNaNAndInfinity) {
  const AttentionViews views = packed(1, 2, 20, 8);
  Tensor src = random_tensor({1, 20, 48}, 1);
  src.mutable_values<float>()[3] = std::numeric_limits<float>::quiet_NaN();           // a query
  src.mutable_values<float>()[5 * 48 + 44] = std::numeric_limits<float>::infinity();  // a value of head 1
  OpRunner runner = views_runner(views, {1, 20, 16});
  runner.input(src).input(src).input(src);
  const std::vector<float> values = values_of<float>(runner.reference()[0]);
  EXPECT_TRUE(std::isnan(values[0]) && std::isinf(values[12]) && std::isfinite(values[16]));
  runner.run_implementations(attention_bound(views));
}

TEST(AttentionViewsOp, Refuses) {
  AttentionViews views = packed(1, 2, 4, 8);
  const auto error = [](const AttentionViews& of, const Shape& shape) {
    return error_of([&] {
      OpRunner runner = views_runner(of, shape);
      runner.input({4, 48}).input({4, 48}).input({4, 48}).infer();
    });
  };
  EXPECT_EQ(error(views, {4, 16}), "");
  EXPECT_EQ(error(views, {4, 15}), "attribute 'shape' has another number of elements than the heads");
  views.value.offset = 33;
  EXPECT_EQ(error(views, {4, 16}), "attribute 'value' reaches element 192 of a tensor of 192");
  views = packed(1, 2, 4, 8);
  views.mask = ops::MaskView{1, 0, 16, 4};
  EXPECT_EQ(error(views, {4, 16}), "attribute 'mask' describes an operand that is not there");
}

TEST(AttentionOp, FusedFormAgrees) {
  struct Case {
    Shape q, k, v;
    std::int64_t heads, kv_heads;
    Shape mask;  // scalar: none
  };
  const std::vector<Case> cases = {
      {{2, 3, 5, 8}, {2, 3, 7, 8}, {2, 3, 7, 6}, 0, 0, {}},
      {{2, 4, 18, 16}, {2, 2, 40, 16}, {2, 2, 40, 33}, 0, 0, {4, 18, 40}},
      {{1, 30, 64}, {1, 33, 64}, {1, 33, 128}, 4, 4, {33}},
      {{2, 15, 48}, {2, 15, 24}, {2, 15, 24}, 4, 2, {2, 1, 15, 15}},
      {{2, 2, 3, 8}, {2, 2, 9, 8}, {2, 2, 9, 8}, 0, 0, {2, 1, 1, 9}},
  };
  for (const Case& each : cases) {
    OpRunner runner("Attention");
    runner.input(random_tensor(each.q, 1)).input(random_tensor(each.k, 2)).input(random_tensor(each.v, 3));
    if (each.mask.rank() > 0) runner.input(random_tensor(each.mask, 4));
    if (each.heads > 0) runner.attribute("q_num_heads", each.heads).attribute("kv_num_heads", each.kv_heads);
    AttentionViews views;
    views.size = each.q.rank() == 4 ? each.q[3] : each.q[2] / each.heads;
    views.keys = each.k[each.k.rank() - 2];
    views.scale = static_cast<float>(1 / std::sqrt(static_cast<double>(views.size)));
    EXPECT_TRUE(did_run(runner.run_implementations(attention_bound(views, 1)), "attention_heads"));
  }
}

}  // namespace
}  // namespace godwit::support
