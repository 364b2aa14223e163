// Convolutions that a kernel computes line by line out of the image as it lies: depthwise, and in small
// groups.
#pragma once

#include "ops/algorithms/conv_geometry.h"
#include "ops/implementation.h"
#include "ops/kernel_table.h"

namespace godwit::ops {

// Facts that all lines of a convolution share; see ConvLine.
struct LineWeights {
  const float* weights = nullptr;
  const float* bias = nullptr;
  float minimum = 0, maximum = 0;
};

// Walks over lines so that the input lines under one of them stay in the L1 for the next: some channels of a
// few lines after the other.
class LineWalk {
 public:
  // number_bytes: of src and dst. most_channels: for which the call of a kernel costs little; whole vectors
  // of every ISA.
  LineWalk(const ConvGeometry& geometry, std::int64_t number_bytes, std::int64_t most_channels);

  // This worker's lines of the result where all of them are computed.
  Worker::Range share(const Worker& worker) const { return worker.share(geometry_.lines()); }
  // Calls the kernel for all lines of the part.
  void run(ConvLineKernel* kernel, const LineWeights& weights, const RowPart& part) const;

 private:
  // `line`, of all images, without its channels.
  void place(const RowPart& part, std::int64_t line, ConvLine& call) const;

  ConvGeometry geometry_;
  std::int64_t number_bytes_;
  std::int64_t chunk_;  // channels
  std::int64_t lines_;
};

// The reason why no kernel of lines takes such a window; empty where one does, if its size is among the
// kernels'.
std::string reject_lines(const ConvGeometry& geometry);

}  // namespace godwit::ops
