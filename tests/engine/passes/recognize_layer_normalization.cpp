// recognize_layer_normalization: the nodes of exporters, with and without a shift, and what only looks like
// them.
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "tests/engine/helpers.h"
#include "tests/support/compare.h"
#include "tests/support/random.h"

namespace godwit::engine {
namespace {

struct Form {
  bool by_power = true, shifts = true, keeps = true, scale_is_constant = true;
  std::int64_t axis = -1;
};

GraphBuilder written(const Form& form, std::int64_t size = 6) {
  GraphBuilder b;
  const ValueId x = b.input("x", {2, 3, size});
  const GraphBuilder::Attributes keep = {{"keepdims", std::int64_t{1}}};
  const ValueId mean = b.node("ReduceMean", "mean", {x, b.integers("axes", {form.axis})}, keep);
  const ValueId difference = b.node("Sub", "difference", {x, mean});
  const ValueId square = form.by_power ? b.node("Pow", "square", {difference, b.number("two", 2)})
                                       : b.node("Mul", "square", {difference, difference});
  const ValueId variance = b.node("ReduceMean", "variance", {square, b.integers("axes2", {form.axis})}, keep);
  const ValueId sum = b.node("Add", "sum", {variance, b.number("epsilon", 1e-5F)});
  const ValueId normal = b.node("Div", "normal", {difference, b.node("Sqrt", "root", {sum})});
  const Tensor scale = support::random_tensor({size}, 2, 0.5, 2), shift = support::random_tensor({size}, 3);
  ValueId result =
      b.node("Mul", "scaled",
             {normal, form.scale_is_constant ? b.constant("scale", scale) : b.input("scale", {size})});
  if (form.shifts) result = b.node("Add", "shifted", {result, b.constant("shift", shift)});
  if (!form.keeps) b.output(mean);
  b.output(result);
  return b;
}

TEST(RecognizeLayerNormalization, InEveryForm) {
  for (const Form& form : {Form{}, Form{.by_power = false}, Form{.shifts = false}, Form{.axis = 2}}) {
    const GraphBuilder b = written(form);
    Graph graph = b.build();
    const std::size_t nodes = graph.nodes.size();
    EXPECT_EQ(run_pass(graph, "recognize_layer_normalization").rewrites, 1);
    ASSERT_EQ(ops_of(graph), Names{"LayerNormalization"});
    EXPECT_EQ(graph.nodes[0].origins.size(), nodes);
    const std::vector<Tensor> inputs{support::random_tensor({2, 3, 6}, 1, -2, 2)};
    // Differences below 4 over a deviation of at least 0.1 grow by 40 what each of the nodes rounds.
    support::expect_close(evaluate_graph(graph, inputs)[0], evaluate_graph(b.build(), inputs)[0],
                          [&](const support::Element&) {
                            return support::gamma(2 * static_cast<std::int64_t>(nodes)) * 2 * 40;
                          });
  }
}

TEST(RecognizeLayerNormalization, LeavesWhatOnlyLooksLikeIt) {
  for (const Form& form : {Form{.keeps = false}, Form{.scale_is_constant = false}, Form{.axis = 1}}) {
    const GraphBuilder b = written(form);
    Graph graph = b.build();
    EXPECT_EQ(run_pass(graph, "recognize_layer_normalization").rewrites, 0);
    EXPECT_EQ(ops_of(graph), ops_of(b.build()));
  }
}

}  // namespace
}  // namespace godwit::engine
