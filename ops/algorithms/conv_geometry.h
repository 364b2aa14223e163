// A convolution's sizes as the algorithms need them, taken from a node whose shapes are known.
#pragma once

#include <cstdint>

#include "ops/op.h"
#include "ops/window.h"
#include "runtime/threads.h"

namespace godwit::ops {

struct ConvGeometry {
  std::int64_t batch = 0;
  std::int64_t ic = 0, oc = 0;
  std::int64_t group = 1;
  WindowAxis h, w;    // a 1-D convolution has height 1
  WindowAxis d = {};  // of a volume, all sizes 1 otherwise

  bool is_volume() const { return d.input > 1 || d.kernel > 1 || d.output > 1; }
  // Lines of the result and of the operand, (N, D, H) counted through.
  std::int64_t lines() const { return batch * d.output * h.output; }
  std::int64_t rows() const { return lines() * w.output; }
  std::int64_t pixels() const { return batch * d.input * h.input * w.input; }
  std::int64_t taps() const { return d.kernel * h.kernel * w.kernel; }
  std::int64_t group_ic() const { return ic / group; }
  std::int64_t group_oc() const { return oc / group; }
};

ConvGeometry conv_geometry(const NodeView& node);

// The lines of src, from the first to the last one, under the windows of some lines of the result; lines are
// counted through all images.
Worker::Range rows_read(const WindowAxis& h, Worker::Range lines);

// The reason why algorithms over H and W cannot take a node whose operand 0 has more axes; empty where it has
// not.
std::string reject_volume(const NodeView& node);
// The reasons why the channels-last f32 algorithms cannot take a Conv node, whatever its sizes; empty when
// they can. The second one lets volumes pass.
std::string reject_conv_nhwc(const NodeView& node);
std::string reject_conv_layout(const NodeView& node);

}  // namespace godwit::ops
