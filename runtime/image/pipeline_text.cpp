// Pipelines as text: JSON for models and files, sentences for people.
#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>
#include <string>

#include "runtime/image/depth.h"
#include "runtime/image/pipeline.h"

namespace godwit::image {
namespace {

using Json = nlohmann::ordered_json;

// The shortest text of the f32, which reads back as the same.
Json short_number(float value) {
  const double shortest = std::stod(fmt::format("{}", value));
  return static_cast<float>(shortest) == value ? shortest : static_cast<double>(value);
}

Json side_or_sides(Size size) {
  if (size.empty()) return 0;
  return size.height == size.width ? Json(size.height) : Json::array({size.height, size.width});
}

std::string depth_text(Depth depth) {
  if (depth == Depth::pillow) return "pillow";
  return depth == Depth::scale ? "scale" : fmt::format("{}", static_cast<int>(depth));
}

}  // namespace

std::string text_of(Size size) {
  return size.height == size.width ? fmt::format("{}", size.height)
                                   : fmt::format("{}x{}", size.height, size.width);
}

std::string text_of(const Pipeline& pipeline) {
  const auto list = [&](const std::array<float, 3>& values) {
    Json numbers = Json::array();
    for (int c = 0; c < pipeline.channels; ++c)
      numbers.push_back(short_number(values[static_cast<std::size_t>(c)]));
    return numbers;
  };
  Json document = {{"resize", side_or_sides(pipeline.resize)},
                   {"resize_mode", name_of(pipeline.mode)},
                   {"crop", side_or_sides(pipeline.crop)},
                   {"pad", pipeline.pad},
                   {"filter", name_of(pipeline.filter)},
                   {"channels", pipeline.channels},
                   {"order", pipeline.order == ChannelOrder::rgb ? "rgb" : "bgr"},
                   {"scale", pipeline.scale},
                   {"mean", list(pipeline.mean)},
                   {"std", list(pipeline.stddev)}};
  if (pipeline.depth == Depth::pillow || pipeline.depth == Depth::scale) {
    document["depth"] = depth_text(pipeline.depth);
  } else {
    document["depth"] = static_cast<int>(pipeline.depth);
  }
  return document.dump();
}

std::string size_sentence(const Pipeline& pipeline) {
  const Size resize = pipeline.resize, crop = pipeline.crop;
  std::string text;
  if (resize.empty()) {
    text = "not resized";
  } else if (pipeline.mode == ResizeMode::stretch) {
    text = "stretched to " + text_of(resize);
  } else if (pipeline.mode == ResizeMode::keep_ratio) {
    text = fmt::format("fitted into {} with the ratio kept", text_of(resize));
  } else {
    text = (resize.height == resize.width ? "short side " : "covering ") + text_of(resize);
  }
  if (!resize.empty()) text += fmt::format(", {}", name_of(pipeline.filter));
  if (!crop.empty() && (crop != resize || pipeline.mode == ResizeMode::crop))
    text += ", crop " + text_of(crop);
  if (pipeline.pad != 0 || pipeline.mode == ResizeMode::keep_ratio)
    text += fmt::format(", border {}", pipeline.pad);
  return text;
}

std::string value_sentence(const Pipeline& pipeline) {
  std::string text = pipeline.channels == 1 ? "gray" : pipeline.order == ChannelOrder::bgr ? "BGR" : "RGB";
  if (pipeline.scale != 1) text += fmt::format(" / {:g}", 1 / pipeline.scale);
  const auto list = [&](const std::array<float, 3>& values) {
    const bool alike = std::ranges::all_of(values, [&](float value) { return value == values[0]; });
    return alike ? fmt::format("{:g}", values[0]) : fmt::format("{:g}", fmt::join(values, " "));
  };
  const auto all = [](const std::array<float, 3>& values, float wanted) {
    return std::ranges::all_of(values, [&](float value) { return value == wanted; });
  };
  if (!all(pipeline.mean, 0)) text += ", minus " + list(pipeline.mean);
  if (!all(pipeline.stddev, 1)) text += ", divided by " + list(pipeline.stddev);
  if (pipeline.depth != Depth::pillow) text += ", 16 bits by " + depth_text(pipeline.depth);
  return text;
}

}  // namespace godwit::image
