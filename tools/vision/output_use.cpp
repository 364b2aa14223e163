// Shapes of class scores, class maps, images and boxes.
#include "tools/vision/output_use.h"

#include <fmt/format.h>

#include "tools/vision/detector_head.h"

namespace godwit::vision {
namespace {

// Pixels of the first input that holds images, either order of axes.
image::Size image_size(const engine::Plan& plan) {
  for (const engine::PlanInput& input : plan.inputs()) {
    const Shape& shape = input.desc.shape;
    if (shape.rank() != 4 || !shape.known()) continue;
    const int axis = shape[1] == 1 || shape[1] == 3 ? 2 : 1;
    return {static_cast<int>(shape[axis]), static_cast<int>(shape[axis + 1])};
  }
  return {};
}

// Smaller maps are features or cells rather than pixels.
bool are_pixels(std::int64_t height, std::int64_t width) {
  constexpr std::int64_t kLeast = 16;
  return height >= kLeast && width >= kLeast;
}

std::string use_of(const TensorDesc& desc) {
  const Shape& shape = desc.shape;
  if (!shape.known()) return "";
  if (shape.rank() >= 2 && is_float(desc.dtype) && shape[1] > 1 && shape.elements() == shape[0] * shape[1])
    return fmt::format("scores of {} classes: godwit classify", shape[1]);
  if (shape.rank() == 4 && are_pixels(shape[2], shape[3])) {
    if (shape[1] == 1 || shape[1] == 3)
      return fmt::format("an image of {}x{}: godwit run --output-picture", shape[2], shape[3]);
    return fmt::format("scores of {} classes for {}x{} pixels: godwit segment", shape[1], shape[2], shape[3]);
  }
  if (shape.rank() == 3 && !is_float(desc.dtype) && are_pixels(shape[1], shape[2]))
    return fmt::format("classes of {}x{} pixels: godwit segment", shape[1], shape[2]);
  return "";
}

}  // namespace

std::vector<std::string> output_uses(const engine::Plan& plan) {
  std::vector<std::string> uses;
  std::vector<DetectorOutput> outputs;
  for (const engine::PlanInput& output : plan.outputs()) {
    uses.push_back(use_of(output.desc));
    outputs.push_back({output.name, output.desc.shape});
  }
  const image::Size size = image_size(plan);
  if (size.empty()) return uses;
  for (const FoundHead& found : fitting_heads(outputs, size)) {
    for (const int place : {found.outputs.boxes, found.outputs.scores, found.outputs.labels}) {
      if (place < 0) continue;
      const char* part = place == found.outputs.boxes    ? "boxes"
                         : place == found.outputs.scores ? "scores"
                                                         : "classes";
      uses[static_cast<std::size_t>(place)] =
          fmt::format("{} of head {}: godwit detect", part, found.head->name);
    }
  }
  return uses;
}

}  // namespace godwit::vision
