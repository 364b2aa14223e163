// Running graphs, passes and plans in tests, and an oracle that needs neither plan nor session.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/graph.h"
#include "engine/pass.h"
#include "engine/plan.h"
#include "runtime/tensor.h"
#include "tests/support/errors.h"
#include "tests/support/graph_builder.h"

namespace godwit::engine {

using support::error_of;
using support::GraphBuilder;
using support::ints;
using support::whole_numbers;

// Every node by its reference, one after the other; shapes must be known.
std::vector<Tensor> evaluate_graph(const Graph& graph, const std::vector<Tensor>& inputs);

Tensor copy_of(const Tensor& tensor);

std::vector<Tensor> run_plan(const std::shared_ptr<const Plan>& plan, const std::vector<Tensor>& inputs,
                             int threads = 1);

std::vector<Tensor> run_graph(const Graph& graph, const std::vector<Tensor>& inputs,
                              const CompileOptions& options = {}, int threads = 1);

void expect_same(const std::vector<Tensor>& actual, const std::vector<Tensor>& expected);

bool same_bytes(const Tensor& a, const Tensor& b);

// One pass alone, then verify().
PassLog run_pass(Graph& graph, std::string_view name);

std::string joined_lines(const PassLog& log);

// The pass changes nothing that can be seen: with whole numbers the results are the same to the last bit.
void expect_pass_keeps_results(const Graph& graph, std::string_view pass, const std::vector<Tensor>& inputs);

std::vector<std::string> ops_of(const Graph& graph);

const Node& node_named(const Graph& graph, std::string_view name);

// Two convolutions and a Softmax on images (N, 3, 9, 7), N open.
Graph small_network();

using Names = std::vector<std::string>;

}  // namespace godwit::engine
