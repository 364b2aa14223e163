// Tile, DepthToSpace, SpaceToDepth, ReverseSequence and CenterCropPad: elements in another arrangement.
#include <gtest/gtest.h>
#include <vector>

#include "tests/support/compare.h"
#include "tests/support/counting.h"
#include "tests/support/errors.h"
#include "tests/support/op_runner.h"

namespace godwit::support {
namespace {

using Floats = std::vector<float>;

Floats first(const OpRunner& runner) { return values_of<float>(runner.reference()[0]); }

TEST(TileOp, Repeats) {
  OpRunner runner("Tile");
  runner.input(counting({2, 2})).constant(integers({2, 2}));
  EXPECT_EQ(first(runner), (Floats{0, 1, 0, 1, 2, 3, 2, 3, 0, 1, 0, 1, 2, 3, 2, 3}));
  EXPECT_TRUE(did_run(runner.run_implementations(exact()), "strided_copy"));
  for (const DType dtype : kAllTypes)
    OpRunner("Tile")
        .input(counting({2, 1, 3}, dtype))
        .constant(integers({1, 4, 2}))
        .run_implementations(exact());
  OpRunner("Tile")
      .input(counting({2, 3, 4, 2}))
      .constant(integers({1, 2, 3, 1}))
      .run_implementations(exact());
  OpRunner("Tile").input(counting({2, 3})).constant(integers({0, 2})).run_implementations(exact());
  OpRunner("Tile").input(counting({0, 3})).constant(integers({2, 2})).run_implementations(exact());
  // More axes than a copy has: the reference.
  OpRunner many("Tile");
  many.input(counting({2, 2, 2, 2, 2})).constant(integers({2, 2, 2, 2, 1}));
  EXPECT_FALSE(did_run(many.run_implementations(exact()), "strided_copy"));
}

TEST(TileOp, InfersShapes) {
  EXPECT_EQ(OpRunner("Tile").input({kBatch, 3}).constant(integers({1, 2})).shape(), Shape({kBatch, 6}));
  EXPECT_EQ(OpRunner("Tile").input({kBatch, 3}).constant(integers({2, 1})).shape(), Shape({kAnyDim, 3}));
  EXPECT_EQ(OpRunner("Tile").input({at_most(4), 3}).constant(integers({2, 1})).shape(),
            Shape({at_most(8), 3}));
  EXPECT_EQ(OpRunner("Tile").input(Shape::unranked()).constant(integers({2, 1})).shape(),
            Shape({kAnyDim, kAnyDim}));
  EXPECT_EQ(error_of([] {
              OpRunner("Tile").input({2, 3}).constant(integers({2})).infer();
            }),
            "input 1 (repeats) has 1 value, expected 2, one for each dimension");
  EXPECT_EQ(error_of([] { OpRunner("Tile").input({2}).constant(integers({-2})).infer(); }),
            "input 1 (repeats) has -2, expected at least 0");
}

TEST(DepthToSpaceOp, LaysChannelsOutAsBlocks) {
  OpRunner runner("DepthToSpace");
  runner.input(counting({1, 8, 1, 2})).attribute("blocksize", 2);
  EXPECT_EQ(first(runner), (Floats{0, 4, 1, 5, 8, 12, 9, 13, 2, 6, 3, 7, 10, 14, 11, 15}));
  runner.run_implementations(exact());
  runner.attribute("mode", "CRD");
  EXPECT_EQ(first(runner), (Floats{0, 2, 1, 3, 4, 6, 5, 7, 8, 10, 9, 11, 12, 14, 13, 15}));
  runner.run_implementations(exact());
}

TEST(SpaceToDepthOp, UndoesIt) {
  const Tensor image = counting({2, 3, 4, 6});
  OpRunner deep("SpaceToDepth");
  deep.input(image).attribute("blocksize", 2);
  const Tensor channels = deep.reference()[0];
  EXPECT_EQ(channels.shape(), Shape({2, 12, 2, 3}));
  EXPECT_EQ(value_at(channels, 0), 0);
  OpRunner back("DepthToSpace");
  back.input(channels).attribute("blocksize", 2);
  expect_close(back.reference()[0], image, exact());
  deep.run_implementations(exact());
  for (const DType dtype : kAllTypes) {
    for (const char* op : {"SpaceToDepth", "DepthToSpace"})
      OpRunner(op)
          .input(counting({1, 9, 3, 6}, dtype))
          .attribute("blocksize", 3)
          .run_implementations(exact());
  }
}

TEST(SpaceToDepthOp, InfersShapes) {
  const auto shape_of = [](const char* op, const Shape& shape) {
    return OpRunner(op).input(shape).attribute("blocksize", 2).shape();
  };
  EXPECT_EQ(shape_of("SpaceToDepth", {kBatch, 3, kAnyDim, 8}), Shape({kBatch, 12, kAnyDim, 4}));
  EXPECT_EQ(shape_of("DepthToSpace", {kBatch, 12, kAnyDim, 4}), Shape({kBatch, 3, kAnyDim, 8}));
  EXPECT_EQ(shape_of("DepthToSpace", Shape::unranked()), Shape::unranked());
  const auto error = [&](const char* op, const Shape& shape) {
    return error_of([&] { shape_of(op, shape); });
  };
  EXPECT_EQ(error("SpaceToDepth", {1, 1, 3, 4}), "a dimension of 3 cannot be divided into blocks of 2");
  EXPECT_EQ(error("DepthToSpace", {1, 6, 3, 4}), "6 channels cannot be divided into blocks of 2x2");
  EXPECT_EQ(error("DepthToSpace", {4, 3, 4}), "input 0 has 3 dimensions (4x3x4), expected 4");
  EXPECT_EQ(error_of([] {
              OpRunner("DepthToSpace").input({1, 4, 1, 1}).attribute("blocksize", 0).infer();
            }),
            "attribute 'blocksize' is 0, expected at least 1");
  EXPECT_EQ(
      error_of([] {
        OpRunner("DepthToSpace").input({1, 4, 1, 1}).attribute("blocksize", 2).attribute("mode", "X").infer();
      }),
      "attribute 'mode' is 'X', expected DCR or CRD");
}

TEST(ReverseSequenceOp, ReversesTheBeginning) {
  OpRunner time_first("ReverseSequence");
  time_first.input(counting({4, 2})).constant(integers({4, 2}));
  EXPECT_EQ(first(time_first), (Floats{6, 3, 4, 1, 2, 5, 0, 7}));
  OpRunner batch_first("ReverseSequence");
  batch_first.input(counting({2, 3}))
      .constant(integers({1, 3}))
      .attribute("batch_axis", 0)
      .attribute("time_axis", 1);
  EXPECT_EQ(first(batch_first), (Floats{0, 1, 2, 5, 4, 3}));
  batch_first.run_implementations(exact());
  // Computed lengths that are out of range.
  OpRunner wild("ReverseSequence");
  wild.input(counting({3, 2})).input(integers({-1, 99}));
  EXPECT_EQ(first(wild), (Floats{0, 5, 2, 3, 4, 1}));
  for (const DType dtype : kAllTypes)
    OpRunner("ReverseSequence")
        .input(counting({3, 2, 2}, dtype))
        .constant(integers({2, 3}))
        .run_implementations(exact());
}

TEST(ReverseSequenceOp, Refuses) {
  EXPECT_EQ(error_of([] {
              OpRunner("ReverseSequence").input({3, 2}).constant(integers({2})).infer();
            }),
            "input 1 has shape 1 and input 0 has 3x2; dimension 0 must be 2");
  EXPECT_EQ(error_of([] {
              OpRunner("ReverseSequence").input({3, 2}).constant(integers({2, 4})).infer();
            }),
            "input 1 (sequence_lens) has 4, expected 0 to 3");
  EXPECT_EQ(error_of([] {
              OpRunner("ReverseSequence")
                  .input({3, 3})
                  .constant(integers({1, 1, 1}))
                  .attribute("time_axis", 1)
                  .infer();
            }),
            "attributes 'batch_axis' and 'time_axis' are both 1");
}

TEST(CenterCropPadOp, CutsOrFillsAroundTheMiddle) {
  OpRunner crop("CenterCropPad");
  crop.input(counting({5, 4})).constant(integers({2, 4}));
  EXPECT_EQ(first(crop), (Floats{4, 5, 6, 7, 8, 9, 10, 11}));
  OpRunner pad("CenterCropPad");
  pad.input(counting({2})).constant(integers({5}));
  EXPECT_EQ(first(pad), (Floats{0, 0, 1, 0, 0}));
  OpRunner both("CenterCropPad");
  both.input(counting({3, 2})).constant(integers({3, 1})).attribute("axes", {-1, 0});
  EXPECT_EQ(both.shape(), Shape({1, 3}));
  EXPECT_EQ(first(both), (Floats{2, 3, 0}));
  both.run_implementations(exact());
  EXPECT_EQ(OpRunner("CenterCropPad")
                .input({kBatch, 3})
                .input(TensorDesc{DType::s64, {1}})
                .attribute("axes", {1})
                .shape(),
            Shape({kBatch, kAnyDim}));
  EXPECT_EQ(error_of([] {
              OpRunner("CenterCropPad").input({2, 3}).constant(integers({1})).infer();
            }),
            "input 1 (shape) has 1 value, expected 2, one for each axis");
}

}  // namespace
}  // namespace godwit::support
