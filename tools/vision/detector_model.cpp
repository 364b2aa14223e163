// The way from a path of an image to boxes in its pixels.
#include "tools/vision/detector_model.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>

#include "runtime/error.h"
#include "tools/vision/labels.h"

namespace godwit::vision {
namespace {

// The names that exporters of YOLO write as a dictionary of Python, "{0: 'person', 1: 'it\'s'}", as labels in
// JSON. Text of any other form is left alone.
std::map<std::string, std::string> with_exported_names(std::map<std::string, std::string> metadata) {
  const auto entry = metadata.find("names");
  if (entry == metadata.end() || metadata.contains("godwit.labels")) return metadata;
  const std::string& text = entry->second;
  std::string json;
  char quote = 0;
  bool number = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quote != 0) {
      if (c == '\\' && i + 1 < text.size()) {
        json += text[++i] == '\'' ? "'" : std::string{'\\', text[i]};
      } else if (c == quote) {
        quote = 0;
        json += '"';
      } else {
        json += c == '"' ? "\\\"" : std::string(1, c);
      }
    } else if (c == '\'' || c == '"') {
      quote = c;
      json += '"';
    } else if ((c >= '0' && c <= '9') != number) {
      // A key of JSON is text.
      number = !number;
      json += '"';
      json += c;
    } else {
      json += c;
    }
  }
  if (quote == 0 && !number && json.starts_with('{') && json.ends_with('}')) metadata["godwit.labels"] = json;
  return metadata;
}

Detection moved(Detection box, const image::Placement& placement) {
  const auto x = [&](float value) {
    return static_cast<float>(std::clamp(placement.source_x(value), 0.0, double(placement.image.width)));
  };
  const auto y = [&](float value) {
    return static_cast<float>(std::clamp(placement.source_y(value), 0.0, double(placement.image.height)));
  };
  box.left = x(box.left);
  box.right = x(box.right);
  box.top = y(box.top);
  box.bottom = y(box.bottom);
  return box;
}

}  // namespace

DetectorModel::DetectorModel(const std::string& path, const DetectorOptions& options)
    : options_(options), model_(path, options.model) {
  std::vector<DetectorOutput> outputs;
  for (const engine::PlanInput& output : model_.plan().outputs())
    outputs.push_back({output.name, output.desc.shape});
  const image::Size size = model_.size();
  with_context([&] { return fmt::format("'{}'", path); },
               [&] {
                 head_ = find_head(outputs, size, options_.head);
                 labels_ = find_labels(options_.labels, with_exported_names(model_.metadata()),
                                       head_.outputs.classes, options_.label_offset);
               });
  assumed_ = !model_.has_pipeline();
  if (assumed_) model_.use_pipeline(head_.head->preprocessing, fmt::format("head {}", head_.head->name));
}

Detections DetectorModel::detect(const std::string& path) {
  const SingleImageModel::Results results = model_.run(path);
  const HeadOutputs& where = head_.outputs;
  model_.require_numbers(path, results, std::array{where.boxes, where.scores});
  const image::Size size = model_.size();
  std::vector<Detection> boxes = head_.head->read({where, results.outputs, size, options_.least});
  // A pair of boxes never overlaps by more than all of it, so that none goes where the model thins out.
  const float most = head_.head->overlaps ? options_.overlap : 1.0F;
  Detections found{results.placement.image, {}, results.warnings, results.preprocess, results.inference};
  for (const Detection& each : suppress(std::move(boxes), most, options_.limit)) {
    const Detection box = moved(each, results.placement);
    // Padding beside the image has no objects.
    if (box.left < box.right && box.top < box.bottom) found.boxes.push_back(box);
  }
  return found;
}

std::string DetectorModel::label(std::int64_t index) const {
  return label_of(labels_, index, options_.label_offset);
}

}  // namespace godwit::vision
