// Boxes of objects, as detectors give them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace godwit::vision {

// A box in pixels of the network's input, or of the original image once it was moved there.
struct Detection {
  float left = 0, top = 0, right = 0, bottom = 0;
  float score = 0;         // 0 to 1
  std::int64_t label = 0;  // the class, in the model's own order
};

// Area of the intersection over that of the union; 0 where either is empty.
float intersection_over_union(const Detection& a, const Detection& b);

// Greedy suppression: the best-scored boxes first, each removing what overlaps it by more than `most` and has
// its class. Equal scores keep their order. At most `limit` remain, the best first.
std::vector<Detection> suppress(std::vector<Detection> boxes, float most, std::size_t limit);

}  // namespace godwit::vision
