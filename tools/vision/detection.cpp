// Non-maximum suppression by classes.
#include "tools/vision/detection.h"

#include <algorithm>

namespace godwit::vision {
namespace {

float area(const Detection& box) {
  return std::max(0.0F, box.right - box.left) * std::max(0.0F, box.bottom - box.top);
}

}  // namespace

float intersection_over_union(const Detection& a, const Detection& b) {
  const float width = std::min(a.right, b.right) - std::max(a.left, b.left);
  const float height = std::min(a.bottom, b.bottom) - std::max(a.top, b.top);
  if (!(width > 0) || !(height > 0)) return 0;
  const float shared = width * height;
  return shared / (area(a) + area(b) - shared);
}

std::vector<Detection> suppress(std::vector<Detection> boxes, float most, std::size_t limit) {
  std::ranges::stable_sort(boxes, [](const Detection& a, const Detection& b) { return a.score > b.score; });
  std::vector<Detection> kept;
  for (const Detection& box : boxes) {
    if (kept.size() == limit) break;
    const auto covers = [&](const Detection& other) {
      return other.label == box.label && intersection_over_union(other, box) > most;
    };
    if (std::ranges::none_of(kept, covers)) kept.push_back(box);
  }
  return kept;
}

}  // namespace godwit::vision
