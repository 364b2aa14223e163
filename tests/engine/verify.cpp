// Every complaint of verify(), each on a graph broken in one place.
#include <gtest/gtest.h>
#include <limits>

#include "tests/engine/helpers.h"

namespace godwit::engine {
namespace {

class Verify : public testing::Test {
 protected:
  Verify() {
    GraphBuilder b;
    x_ = b.input("x", {1, 2, 4, 4});
    conv_ = b.conv("conv", x_, {2, 2, 1, 1});
    relu_ = b.node("Relu", "relu", {conv_});
    b.output(relu_);
    graph_ = b.build();
  }

  Node& conv() { return graph_.nodes[0]; }
  Node& relu() { return graph_.nodes[1]; }
  std::string complaint() const {
    try {
      verify(graph_);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::failed);
      return error.what();
    }
    return "";
  }

  Graph graph_;
  ValueId x_ = kNoValue, conv_ = kNoValue, relu_ = kNoValue;
};

TEST_F(Verify, AcceptsASoundGraph) { EXPECT_EQ(complaint(), ""); }

TEST_F(Verify, NodeWithoutOperator) {
  relu().op = nullptr;
  EXPECT_EQ(complaint(), "node 'relu' (no operator): it has no operator");
}

TEST_F(Verify, OperandOutOfRange) {
  relu().inputs[0] = 99;
  EXPECT_EQ(complaint(), "node 'relu' (Relu): value 99 does not exist, there are 5");
}

TEST_F(Verify, ResultOutOfRange) {
  relu().outputs[0] = -7;
  EXPECT_EQ(complaint(), "node 'relu' (Relu): value -7 does not exist, there are 5");
}

TEST_F(Verify, GraphInputOutOfRange) {
  graph_.inputs.push_back(50);
  EXPECT_EQ(complaint(), "value 50 does not exist, there are 5");
}

TEST_F(Verify, GraphOutputOutOfRange) {
  graph_.outputs.push_back(kNoValue);
  EXPECT_EQ(complaint(), "value -1 does not exist, there are 5");
}

TEST_F(Verify, WrongOrder) {
  std::swap(graph_.nodes[0], graph_.nodes[1]);
  EXPECT_EQ(complaint(), "node 'relu' (Relu): it reads 'conv' before anything computes it");
}

TEST_F(Verify, TwoProducers) {
  relu().outputs[0] = conv_;
  EXPECT_EQ(complaint(), "node 'relu' (Relu): 'conv' is already computed by another node");
}

TEST_F(Verify, ComputesAnInput) {
  relu().outputs[0] = x_;
  EXPECT_EQ(complaint(), "node 'relu' (Relu): it computes 'x', which is an input or a constant");
}

TEST_F(Verify, ComputesAConstant) {
  relu().outputs[0] = conv().inputs[2];
  EXPECT_EQ(complaint(), "node 'relu' (Relu): it computes 'conv.bias', which is an input or a constant");
}

TEST_F(Verify, InputTwice) {
  graph_.inputs.push_back(x_);
  EXPECT_EQ(complaint(), "input 'x' is given twice or is a constant");
}

TEST_F(Verify, OutputNeverComputed) {
  graph_.nodes.pop_back();
  EXPECT_EQ(complaint(), "output 'relu' is never computed");
}

TEST_F(Verify, ConstantUnlikeItsDescription) {
  graph_.value(conv().inputs[2]).desc.shape = {3};
  EXPECT_EQ(complaint(), "constant 'conv.bias' is f32 2, described as f32 3");
}

TEST_F(Verify, WrongNumberOfOperands) {
  relu().inputs.push_back(x_);
  EXPECT_EQ(complaint(), "node 'relu' (Relu): has 2 inputs, expected 1");
}

TEST_F(Verify, MissingRequiredOperand) {
  conv().inputs[1] = kNoValue;
  EXPECT_EQ(complaint(), "node 'conv' (Conv): input 1 is required and missing");
}

TEST_F(Verify, ShapeUnlikeInference) {
  graph_.value(relu_).desc.shape = {1, 2, 4, 5};
  EXPECT_EQ(complaint(),
            "node 'relu' (Relu): 'relu' is described as f32 1x2x4x5, inference gives f32 1x2x4x4");
}

TEST_F(Verify, TypeUnlikeInference) {
  graph_.value(relu_).desc.dtype = DType::s32;
  EXPECT_EQ(complaint(),
            "node 'relu' (Relu): 'relu' is described as s32 1x2x4x4, inference gives f32 1x2x4x4");
}

TEST_F(Verify, LayoutOfARankThatHasNone) {
  graph_.value(conv().inputs[2]).desc.layout = Layout::nhwc;
  EXPECT_EQ(complaint(), "value 'conv.bias' is nhwc with shape 2, which only rank 3 to 5 can be");
}

TEST_F(Verify, ClampOnAnOperatorWithoutOne) {
  relu().epilogue.maximum = 6;
  EXPECT_EQ(complaint(), "node 'relu' (Relu): it has a clamp that its operator cannot apply");
}

TEST_F(Verify, EmptyClamp) {
  conv().epilogue.minimum = 1;
  conv().epilogue.maximum = 0;
  EXPECT_EQ(complaint(), "node 'conv' (Conv): its clamp [1, 0] is empty");
  conv().epilogue.minimum = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(complaint(), "node 'conv' (Conv): its clamp [nan, 0] is empty");
}

TEST_F(Verify, ResidualOnAnOperatorWithoutOne) {
  relu().epilogue.residual = true;
  relu().inputs.push_back(x_);
  EXPECT_EQ(complaint(), "node 'relu' (Relu): it has a residual that its operator cannot add");
}

TEST_F(Verify, ResidualMissing) {
  conv().epilogue.residual = true;
  conv().inputs.push_back(kNoValue);
  EXPECT_EQ(complaint(), "node 'conv' (Conv): its residual operand is missing");
}

TEST_F(Verify, ResidualOfAnotherShape) {
  conv().epilogue.residual = true;
  conv().inputs.push_back(conv().inputs[1]);
  EXPECT_EQ(complaint(),
            "node 'conv' (Conv): its residual 'conv.weights' is f32 2x2x1x1, its result f32 1x2x4x4");
}

TEST_F(Verify, ResidualWithoutResult) {
  conv().epilogue.residual = true;
  conv().inputs.push_back(x_);
  conv().outputs[0] = kNoValue;
  EXPECT_EQ(complaint(), "node 'conv' (Conv): it adds a residual to no result");
}

}  // namespace
}  // namespace godwit::engine
