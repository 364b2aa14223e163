// recognize_activations: what exporters write for Swish, Mish and Gelu, and what only looks like it.
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "tests/engine/helpers.h"
#include "tests/support/compare.h"
#include "tests/support/random.h"

namespace godwit::engine {
namespace {

constexpr float kRootOfTwo = 1.4142135F;

class Exporter {
 public:
  GraphBuilder b;
  ValueId x = b.input("x", {2, 3, 5, 7});

  ValueId node(const char* op, std::vector<ValueId> inputs) {
    return b.node(op, "n" + std::to_string(++count_), std::move(inputs));
  }
  ValueId number(float value) { return b.number("c" + std::to_string(++count_), value); }

  // The pass leaves one node of `op`, whose results are those of the nodes before up to roundings of f32.
  void expect_one(ValueId result, const char* op, std::size_t nodes) {
    b.output(result);
    Graph graph = b.build();
    ASSERT_EQ(graph.nodes.size(), nodes);
    EXPECT_EQ(run_pass(graph, "recognize_activations").rewrites, 1);
    ASSERT_EQ(ops_of(graph), Names{op});
    EXPECT_EQ(graph.nodes[0].origins.size(), nodes);
    const std::vector<Tensor> inputs{support::random_tensor({2, 3, 5, 7}, 1, -4, 4)};
    // Each node of |x| <= 4 rounds once, Pow and Erf alike; 4 is the largest of them.
    support::expect_close(
        evaluate_graph(graph, inputs)[0], evaluate_graph(b.build(), inputs)[0],
        [&](const support::Element&) { return support::gamma(2 * static_cast<std::int64_t>(nodes)) * 4; });
  }
  void expect_none(ValueId result) {
    b.output(result);
    Graph graph = b.build();
    EXPECT_EQ(run_pass(graph, "recognize_activations").rewrites, 0);
    EXPECT_EQ(ops_of(graph), ops_of(b.build()));
  }

 private:
  int count_ = 0;
};

TEST(RecognizeActivations, Swish) {
  Exporter e;
  e.expect_one(e.node("Mul", {e.x, e.node("Sigmoid", {e.x})}), "Swish", 2);
  Exporter turned;
  turned.expect_one(turned.node("Mul", {turned.node("Sigmoid", {turned.x}), turned.x}), "Swish", 2);
  Exporter quick;
  const ValueId scaled = quick.node("Mul", {quick.x, quick.number(1.702F)});
  quick.expect_one(quick.node("Mul", {quick.x, quick.node("Sigmoid", {scaled})}), "Swish", 3);
}

TEST(RecognizeActivations, Mish) {
  Exporter e;
  const ValueId gate = e.node("Tanh", {e.node("Softplus", {e.x})});
  e.expect_one(e.node("Mul", {e.x, gate}), "Mish", 3);
}

ValueId one_plus_erf(Exporter& e) {
  const ValueId erf = e.node("Erf", {e.node("Div", {e.x, e.number(kRootOfTwo)})});
  return e.node("Add", {erf, e.number(1)});
}

TEST(RecognizeActivations, GeluByErf) {
  Exporter e;
  e.expect_one(e.node("Mul", {e.node("Mul", {e.x, one_plus_erf(e)}), e.number(0.5F)}), "Gelu", 5);
  Exporter half_first;
  const ValueId half = half_first.node("Mul", {half_first.number(0.5F), half_first.x});
  half_first.expect_one(half_first.node("Mul", {half, one_plus_erf(half_first)}), "Gelu", 5);
  Exporter product;
  const ValueId inner = product.node("Mul", {product.x, product.number(0.70710678F)});
  const ValueId sum = product.node("Add", {product.number(1), product.node("Erf", {inner})});
  const ValueId gate = product.node("Mul", {sum, product.number(0.5F)});
  product.expect_one(product.node("Mul", {product.x, gate}), "Gelu", 5);
}

ValueId one_plus_tanh(Exporter& e, ValueId cube) {
  const ValueId cubic = e.node("Add", {e.x, e.node("Mul", {cube, e.number(0.044715F)})});
  const ValueId inner = e.node("Mul", {cubic, e.number(0.79788456F)});
  return e.node("Add", {e.node("Tanh", {inner}), e.number(1)});
}

TEST(RecognizeActivations, GeluByTanh) {
  Exporter e;
  const ValueId gate = one_plus_tanh(e, e.node("Pow", {e.x, e.number(3)}));
  e.expect_one(e.node("Mul", {e.node("Mul", {e.x, e.number(0.5F)}), gate}), "Gelu", 8);
  Exporter products;
  const ValueId square = products.node("Mul", {products.x, products.x});
  const ValueId other = one_plus_tanh(products, products.node("Mul", {square, products.x}));
  products.expect_one(
      products.node("Mul", {products.node("Mul", {products.x, other}), products.number(0.5F)}), "Gelu", 9);
}

TEST(RecognizeActivations, LeavesWhatOnlyLooksLikeIt) {
  Exporter other;  // the sigmoid of something else
  other.expect_none(other.node("Mul", {other.x, other.node("Sigmoid", {other.node("Neg", {other.x})})}));
  Exporter scaled;  // 0.7 instead of 1/2
  scaled.expect_none(
      scaled.node("Mul", {scaled.node("Mul", {scaled.x, one_plus_erf(scaled)}), scaled.number(0.7F)}));
  Exporter plain;  // not divided by the root of 2
  const ValueId sum = plain.node("Add", {plain.node("Erf", {plain.x}), plain.number(1)});
  plain.expect_none(plain.node("Mul", {plain.node("Mul", {plain.x, sum}), plain.number(0.5F)}));
  Exporter shared;  // others read the sigmoid
  const ValueId sigmoid = shared.node("Sigmoid", {shared.x});
  shared.b.output(sigmoid);
  shared.expect_none(shared.node("Mul", {shared.x, sigmoid}));
}

}  // namespace
}  // namespace godwit::engine
