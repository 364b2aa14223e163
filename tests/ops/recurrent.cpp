// RNN, GRU and LSTM: steps by hand, directions, lengths of sequences, activations, layouts, refusals.
#include <cmath>
#include <gtest/gtest.h>
#include <string>
#include <utility>
#include <vector>

#include "ops/op.h"
#include "tests/support/compare.h"
#include "tests/support/errors.h"
#include "tests/support/op_runner.h"
#include "tests/support/random.h"

namespace godwit::support {
namespace {

using Floats = std::vector<float>;

Tensor row(const Shape& shape, const Floats& values) {
  return Tensor::of<float>(shape, std::span<const float>(values));
}

// OpRunner and, since it has no lists of strings, the names of functions: the reference is called by hand.
class Runner {
 public:
  explicit Runner(const char* op) : op_(ops::find_op(op)) {}
  Runner& input(Tensor value) {
    values_.push_back(std::move(value));
    return *this;
  }
  Runner& omitted() { return input({}); }
  template <class T>
  Runner& attribute(const char* name, T value) {
    attributes_.set(name, ops::AttributeValue(std::in_place_type<T>, std::move(value)));
    return *this;
  }
  Runner& attribute(const char* name, int value) { return attribute(name, std::int64_t{value}); }
  Runner& attribute(const char* name, const char* value) { return attribute(name, std::string(value)); }
  Runner& strings(const char* name, std::vector<std::string> values) {
    return attribute(name, std::move(values));
  }
  Runner& outputs(std::size_t count) {
    output_count_ = count;
    return *this;
  }
  std::vector<TensorDesc> infer() const {
    const std::vector<ops::Operand> operands = operands_of();
    return ops::infer(*op_, {"", attributes_, operands, output_count_, {}, {}});
  }
  std::vector<Tensor> reference() const {
    const std::vector<ops::Operand> operands = operands_of();
    const std::vector<TensorDesc> descs = infer();
    std::vector<TensorView> src, dst;
    std::vector<Tensor> results;
    for (const Tensor& value : values_) src.push_back(value.empty() ? TensorView{} : value.view());
    for (const TensorDesc& desc : descs) results.emplace_back(desc);
    for (const Tensor& result : results) dst.push_back(result.view());
    op_->reference({"", attributes_, operands, output_count_, descs, {}}, src, dst);
    return results;
  }

 private:
  std::vector<ops::Operand> operands_of() const {
    std::vector<ops::Operand> operands;
    for (const Tensor& value : values_)
      operands.push_back(value.empty() ? ops::Operand{} : ops::Operand{&value.desc(), nullptr});
    return operands;
  }

  const ops::OpDef* op_;
  ops::Attributes attributes_;
  std::vector<Tensor> values_;
  std::size_t output_count_ = 1;
};

// A cell that adds its inputs up: H = X + H.
Runner adding(const Shape& shape, const Floats& x, std::int64_t directions = 1) {
  Runner runner("RNN");
  const auto ones = static_cast<std::size_t>(directions);
  runner.input(row(shape, x)).input(row({directions, 1, 1}, Floats(ones, 1)));
  runner.input(row({directions, 1, 1}, Floats(ones, 1))).attribute("hidden_size", 1);
  runner.attribute("clip", 100.0F).outputs(2);
  return runner;
}
Runner& linear(Runner& runner, int count) {
  return runner.strings("activations", std::vector<std::string>(static_cast<std::size_t>(count), "Affine"));
}

TEST(RNNOp, GoesStepByStep) {
  Runner runner = adding({3, 1, 1}, {1, 2, 4});
  linear(runner, 1);
  const std::vector<Tensor> results = runner.reference();
  EXPECT_EQ(results[0].shape(), Shape({3, 1, 1, 1}));
  EXPECT_EQ(values_of<float>(results[0]), (Floats{1, 3, 7}));
  EXPECT_EQ(values_of<float>(results[1]), Floats{7});
}

TEST(RNNOp, GoesBackwardsAndBothWays) {
  Runner reverse = adding({3, 1, 1}, {1, 2, 4});
  EXPECT_EQ(values_of<float>(linear(reverse, 1).attribute("direction", "reverse").reference()[0]),
            (Floats{7, 6, 4}));
  Runner both = adding({3, 1, 1}, {1, 2, 4}, 2);
  const std::vector<Tensor> results = linear(both, 2).attribute("direction", "bidirectional").reference();
  EXPECT_EQ(values_of<float>(results[0]), (Floats{1, 7, 3, 6, 7, 4}));
  EXPECT_EQ(values_of<float>(results[1]), (Floats{7, 7}));
}

TEST(RNNOp, EndsShortSequences) {
  // Two sequences side by side, of 1 and 3 steps.
  Runner runner = adding({3, 2, 1}, {1, 10, 2, 20, 4, 40});
  linear(runner, 1).omitted().input(Tensor::of<std::int32_t>({2}, {1, 3}));
  const std::vector<Tensor> results = runner.reference();
  EXPECT_EQ(values_of<float>(results[0]), (Floats{1, 10, 0, 30, 0, 70}));
  EXPECT_EQ(values_of<float>(results[1]), (Floats{1, 70}));
  runner.input(row({1, 2, 1}, {5, 6})).attribute("direction", "reverse");
  EXPECT_EQ(values_of<float>(runner.reference()[0]), (Floats{6, 76, 0, 66, 0, 46}));
}

TEST(RNNOp, TakesBatchesFirst) {
  Runner runner = adding({2, 3, 1}, {1, 2, 4, 10, 20, 40});
  const std::vector<Tensor> results = linear(runner, 1).attribute("layout", 1).reference();
  EXPECT_EQ(results[0].shape(), Shape({2, 3, 1, 1}));
  EXPECT_EQ(values_of<float>(results[0]), (Floats{1, 3, 7, 10, 30, 70}));
  EXPECT_EQ(results[1].shape(), Shape({2, 1, 1}));
}

TEST(RNNOp, ClipsAndActivates) {
  Runner runner = adding({2, 1, 1}, {1, 9});
  EXPECT_EQ(values_of<float>(runner.strings("activations", {"relu"}).attribute("clip", 3.0F).reference()[0]),
            (Floats{1, 3}));
  runner.strings("activations", {"Affine"}).attribute("activation_alpha", Floats{2});
  EXPECT_EQ(values_of<float>(runner.attribute("activation_beta", Floats{1}).reference()[0]), (Floats{3, 7}));
  EXPECT_EQ(error_of([&] { runner.strings("activations", {"Sine"}).infer(); }),
            "attribute 'activations' has 'Sine', which is not known");
}

TEST(RNNOp, RefusesOperandsThatDoNotFit) {
  Runner runner("RNN");
  runner.input(random_tensor({3, 1, 2}, 1)).input(random_tensor({1, 4, 3}, 2));
  runner.input(random_tensor({1, 4, 4}, 3));
  EXPECT_EQ(error_of([&] { runner.infer(); }), "input 1 (W) has shape 1x4x3, expected 1x4x2");
  EXPECT_EQ(error_of([&] {
              adding({3, 1, 1}, {1, 2, 4}).attribute("direction", "up").infer();
            }),
            "attribute 'direction' is 'up', expected 'forward', 'reverse' or 'bidirectional'");
  EXPECT_EQ(error_of([&] {
              adding({3, 1, 1}, {1, 2, 4}).attribute("hidden_size", 5000).infer();
            }),
            "the hidden size is 5000, at most 4096 is supported");
}

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

TEST(GRUOp, UpdatesAndResets) {
  // One element: W is (update, reset, candidate), R likewise, B holds their two biases.
  Runner runner("GRU");
  runner.input(row({2, 1, 1}, {1, -1})).input(row({1, 3, 1}, {0.5F, 1, 2}));
  runner.input(row({1, 3, 1}, {1, -1, 0.5F})).input(row({1, 6}, {0, 0.25F, 0, 0, 0, 0.5F}));
  for (const int linear_first : {0, 1}) {
    runner.attribute("linear_before_reset", linear_first);
    const Floats values = values_of<float>(runner.reference()[0]);
    double h = 0;
    for (const double x : {1.0, -1.0}) {
      const double update = sigmoid(0.5 * x + h), reset = sigmoid(x - h + 0.25);
      const double from_state = linear_first == 1 ? reset * (0.5 * h + 0.5) : 0.5 * reset * h + 0.5;
      h = (1 - update) * std::tanh(2 * x + from_state) + update * h;
      EXPECT_EQ(values[x > 0 ? 0 : 1], static_cast<float>(h));
    }
  }
}

TEST(LSTMOp, WritesShowsAndForgets) {
  // One element: gates input, output, forget and cell, with peepholes for the first three.
  Runner runner("LSTM");
  runner.input(row({2, 1, 1}, {1, -1})).input(row({1, 4, 1}, {0.5F, 1, -1, 2}));
  runner.input(row({1, 4, 1}, {1, -1, 0.5F, 0.25F})).input(row({1, 8}, {0, 0, 1, 0, 0, 0, 0, 0.5F}));
  runner.omitted().input(row({1, 1, 1}, {0.5F})).input(row({1, 1, 1}, {-0.5F}));
  runner.input(row({1, 3}, {0.25F, 0.5F, -1})).outputs(3);
  for (const int coupled : {0, 1}) {
    const std::vector<Tensor> results = runner.attribute("input_forget", coupled).reference();
    double h = 0.5, c = -0.5;
    for (const double x : {1.0, -1.0}) {
      const double input = sigmoid(0.5 * x + h + 0.25 * c);
      const double forget = coupled == 1 ? 1 - input : sigmoid(-x + 0.5 * h + 1 - c);
      c = forget * c + input * std::tanh(2 * x + 0.25 * h + 0.5);
      h = sigmoid(x - h + 0.5 * c) * std::tanh(c);
    }
    EXPECT_EQ(value_at(results[0], 1), static_cast<double>(static_cast<float>(h)));
    EXPECT_EQ(value_at(results[1], 0), static_cast<double>(static_cast<float>(h)));
    EXPECT_EQ(value_at(results[2], 0), static_cast<double>(static_cast<float>(c)));
  }
}

// Errors of a layer whose elements of W, X and B are at most 1 and of R at most 1 / hidden, step by step:
// both states' and, of a gate, what its sum has rounded and the state brings. A sigmoid's slope is at most
// 1/4; kernels of sigmoid and tanh are off by less than 32 roundings of 1.
double lstm_bound(std::int64_t inputs, std::int64_t hidden, std::int64_t steps, double first_c) {
  const double magnitude = static_cast<double>(inputs) + 1 + 2, function = gamma(32);
  double of_h = 0, of_c = 0, c = first_c;
  for (std::int64_t step = 0; step < steps; ++step) {
    const double gate = gamma(inputs + hidden + 4) * magnitude + of_h;
    const double sigmoid_error = gate / 4 + function, tanh_error = gate + function;
    of_c = (1 + sigmoid_error) * (of_c + tanh_error) + c * sigmoid_error + sigmoid_error + gamma(3) * (c + 1);
    c += 1;
    of_h = sigmoid_error + (1 + sigmoid_error) * (of_c + function) + gamma(1);
  }
  return of_c + of_h + gamma(1) * (c + 1);
}

TEST(LSTMOp, EveryImplementationAgrees) {
  struct Case {
    std::int64_t steps, batch, inputs, hidden;
    const char* direction;
    bool bias, states;
  };
  for (const Case& one :
       {Case{4, 1, 7, 5, "forward", true, false}, Case{5, 3, 16, 32, "bidirectional", true, true},
        Case{3, 2, 40, 19, "reverse", false, true}, Case{1, 1, 1, 1, "forward", false, false},
        Case{2, 2, 1024, 8, "bidirectional", true, false}}) {
    const std::int64_t directions = std::string_view(one.direction) == "bidirectional" ? 2 : 1;
    const double small = 1 / static_cast<double>(one.hidden);
    OpRunner runner("LSTM");
    runner.attribute("direction", one.direction).attribute("hidden_size", one.hidden).outputs(3);
    runner.input(random_tensor({one.steps, one.batch, one.inputs}, 1, -1, 1));
    runner.constant(random_tensor({directions, 4 * one.hidden, one.inputs}, 2, -1, 1));
    runner.constant(random_tensor({directions, 4 * one.hidden, one.hidden}, 3, -small, small));
    if (one.bias) runner.constant(random_tensor({directions, 8 * one.hidden}, 4, -1, 1));
    if (one.states) {
      if (!one.bias) runner.omitted();
      runner.omitted();
      runner.input(random_tensor({directions, one.batch, one.hidden}, 5, -1, 1));
      runner.input(random_tensor({directions, one.batch, one.hidden}, 6, -1, 1));
    }
    const double bound = lstm_bound(one.inputs, one.hidden, one.steps, one.states ? 1 : 0);
    EXPECT_TRUE(did_run(runner.run_implementations([&](const Element&) { return bound; }), "lstm_panels"));
  }
}

TEST(LSTMOp, WhatHasNoFastWayRunsAllTheSame) {
  const auto runs_fast = [](const auto& change) {
    OpRunner runner("LSTM");
    runner.attribute("hidden_size", 3);
    runner.input(random_tensor({2, 2, 4}, 1)).constant(random_tensor({1, 12, 4}, 2));
    runner.constant(random_tensor({1, 12, 3}, 3, -0.3F, 0.3F)).constant(random_tensor({1, 24}, 4));
    change(runner);
    return did_run(runner.run_implementations([](const Element&) { return lstm_bound(4, 3, 2, 0); }),
                   "lstm_panels");
  };
  EXPECT_TRUE(runs_fast([](OpRunner&) {}));
  EXPECT_FALSE(runs_fast([](OpRunner& runner) { runner.attribute("clip", 1.0F); }));
  EXPECT_FALSE(runs_fast([](OpRunner& runner) { runner.attribute("input_forget", 1); }));
  EXPECT_FALSE(runs_fast([](OpRunner& runner) { runner.attribute("layout", 1); }));
  EXPECT_FALSE(runs_fast([](OpRunner& runner) { runner.constant(Tensor::of<std::int32_t>({2}, {1, 2})); }));
}

}  // namespace
}  // namespace godwit::support
