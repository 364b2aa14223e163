// The reason for scores that are not finite, image by image.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "engine/nonfinite.h"

namespace godwit::vision {

class NonfiniteImages {
 public:
  // A plan for batches of images, with what it was made from; `graph` is asked for when the first such image
  // comes.
  NonfiniteImages(std::shared_ptr<const engine::Plan> plan, engine::CompileOptions compile,
                  std::function<engine::Graph()> graph);
  ~NonfiniteImages();

  // "'cat.jpg': 5 of 5 scores are not finite (5 NaN); first in conv1 (Conv), where …; f16 holds …". `pixels`
  // are the image's, as the network takes them. The network runs again for at most kSearched images, whose
  // layers are looked at one by one.
  std::string describe(const std::string& path, const engine::Nonfinite& scores,
                       std::span<const float> pixels);

  static constexpr std::size_t kSearched = 16;

 private:
  std::optional<engine::NonfiniteSearch::Found> first_layer(std::span<const float> pixels);

  std::shared_ptr<const engine::Plan> plan_;
  engine::CompileOptions compile_;
  std::function<engine::Graph()> graph_;
  std::unique_ptr<engine::NonfiniteSearch> search_;
  std::int64_t batch_ = 1;  // of the search
  std::size_t searched_ = 0;
};

}  // namespace godwit::vision
