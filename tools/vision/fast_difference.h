// The difference between fast decoding and exact decoding.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "runtime/image/pipeline.h"

namespace godwit::vision {

// Over images looked at both ways.
struct FastDifference {
  std::size_t images = 0;
  double mean = 0;  // absolute difference of a pixel's colour, of 255
  int largest = 0;
  // "8 images decoded both ways differ by …".
  std::string to_string() const;
};
// Takes the first images of `paths` that can be read, at most `limit`; `reading` says how but for its `fast`.
// `each` is called after each of them and may throw, to give up.
FastDifference compare_fast(const std::vector<std::string>& paths, std::size_t limit,
                            const image::Pipeline& pipeline, image::PreprocessOptions reading,
                            const std::function<void()>& each = {});

}  // namespace godwit::vision
