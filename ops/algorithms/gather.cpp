// Gathering slices, shared by the team: each is a run of bytes.
#include <cstring>

#include "ops/algorithms/implementations.h"
#include "ops/axes.h"
#include "ops/movement.h"

namespace godwit::ops {
namespace {

class GatherRuns final : public Executable {
 public:
  explicit GatherRuns(const NodeView& node) : indices_{node.input(1), nullptr} {
    const Shape& shape = node.shape(0);
    const int axis = normalize_axis(node.attributes.integer("axis", 0), shape.rank());
    outer_ = shape.product(0, axis);
    dim_ = shape[axis];
    count_ = node.shape(1).elements();
    bytes_ = static_cast<std::size_t>(shape.product(axis + 1, shape.rank())) * size_of(node.input(0).dtype);
  }

  void run(const RunArgs& args, const Worker& worker) const override {
    TensorView indices = indices_;
    indices.data = const_cast<void*>(args.src[1]);
    const auto* src = static_cast<const std::byte*>(args.src[0]);
    const Worker::Range share = worker.share(outer_ * count_);
    for (std::int64_t i = share.begin; i < share.end; ++i) {
      const std::int64_t index = position_of_index(integer_at(indices, i % count_), dim_);
      std::byte* to = static_cast<std::byte*>(args.dst[0]) + static_cast<std::size_t>(i) * bytes_;
      if (index < 0) {
        std::memset(to, 0, bytes_);
      } else {
        std::memcpy(to, src + static_cast<std::size_t>(i / count_ * dim_ + index) * bytes_, bytes_);
      }
    }
  }

 private:
  TensorView indices_;
  std::int64_t outer_ = 0, dim_ = 0, count_ = 0;
  std::size_t bytes_ = 0;
};

std::string reject(const NodeView& node, const Target&) {
  return node.outputs[0].shape.elements() == 0 ? "has nothing to gather" : "";
}

}  // namespace

const Implementation gather_runs{
    "gather_runs", "the reference's copies, shared by the team", reject,
    [](const NodeView& node, const PrepareContext&) -> std::unique_ptr<Executable> {
      return std::make_unique<GatherRuns>(node);
    }};

}  // namespace godwit::ops
