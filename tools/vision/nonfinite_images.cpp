// One search for all images, on single ones where the model takes those.
#include "tools/vision/nonfinite_images.h"

#include <algorithm>
#include <fmt/format.h>

#include "runtime/error.h"

namespace godwit::vision {

NonfiniteImages::NonfiniteImages(std::shared_ptr<const engine::Plan> plan, engine::CompileOptions compile,
                                 std::function<engine::Graph()> graph)
    : plan_(std::move(plan)), compile_(std::move(compile)), graph_(std::move(graph)) {}

NonfiniteImages::~NonfiniteImages() = default;

std::string NonfiniteImages::describe(const std::string& path, const engine::Nonfinite& scores,
                                      std::span<const float> pixels) {
  std::string numbers = scores.to_string();
  if (const std::size_t at = numbers.find("elements"); at != std::string::npos)
    numbers.replace(at, 8, "scores");
  std::optional<engine::NonfiniteSearch::Found> found;
  if (searched_++ < kSearched) found = first_layer(pixels);
  if (found && found->is_input) {
    return fmt::format(
        "'{}': {}; so is the image itself behind preprocessing: look at its scale, mean and std", path,
        numbers);
  }
  return fmt::format("'{}': {}; {}", path, numbers, engine::explain_nonfinite(found, plan_->precision()));
}

std::optional<engine::NonfiniteSearch::Found> NonfiniteImages::first_layer(std::span<const float> pixels) {
  const engine::PlanInput& input = plan_->inputs().front();
  try {
    if (search_ == nullptr) {
      const engine::Graph graph = graph_();
      Shape shape = input.desc.shape;
      const std::int64_t whole = shape[0];
      for (batch_ = 1;; batch_ = whole) {
        shape[0] = batch_;
        compile_.shapes[input.name] = shape;
        try {
          search_ = std::make_unique<engine::NonfiniteSearch>(graph, compile_, *plan_);
          break;
        } catch (const Error&) {
          if (batch_ == whole) throw;  // else a batch that the model fixes
        }
      }
    }
    TensorDesc desc = input.desc;
    desc.shape[0] = batch_;
    Tensor images(desc);
    const std::span<float> values = images.mutable_values<float>();
    std::ranges::fill(values, 0.0F);
    std::ranges::copy(pixels, values.begin());
    return search_->first(std::span(&images, 1));
  } catch (const Error&) {
    return std::nullopt;  // what is told stays true without the layer
  }
}

}  // namespace godwit::vision
