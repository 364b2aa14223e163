// One reader for each form in which detectors give boxes. Formulas are those of the detectors' own papers and
// exports: YOLOX (arXiv 2107.08430), SSD (1512.02325), DETR (2005.12872), RetinaFace (1905.00641).
#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>

#include "runtime/error.h"
#include "tools/vision/detector_head.h"

namespace godwit::vision {
namespace {

using Outputs = std::span<const DetectorOutput>;
using Found = std::optional<HeadOutputs>;
using Boxes = std::vector<Detection>;

constexpr std::array<int, 3> kStrides = {8, 16, 32};

// Cells of the grids of strides 8, 16 and 32; with 64 as well for the larger YOLOs.
std::int64_t cells(image::Size size, bool with_64 = false) {
  std::int64_t count = 0;
  for (const int stride : kStrides) count += std::int64_t{size.height / stride} * (size.width / stride);
  if (with_64) count += std::int64_t{size.height / 64} * (size.width / 64);
  return count;
}

// A tensor's numbers as rows of `columns` floats.
class Rows {
 public:
  Rows(const Tensor& tensor, std::size_t columns) : columns_(columns) {
    switch (tensor.dtype()) {
      case DType::f32: {
        const auto values = tensor.values<float>();
        values_.assign(values.begin(), values.end());
        break;
      }
      case DType::s64:
        for (const std::int64_t value : tensor.values<std::int64_t>())
          values_.push_back(static_cast<float>(value));
        break;
      case DType::s32:
        for (const std::int32_t value : tensor.values<std::int32_t>())
          values_.push_back(static_cast<float>(value));
        break;
      default:
        throw Error(fmt::format("a detector's output of {} is not read; f32, s32 and s64 are",
                                name_of(tensor.dtype())));
    }
  }
  std::size_t size() const { return columns_ == 0 ? 0 : values_.size() / columns_; }
  std::span<const float> operator[](std::size_t row) const {
    return std::span<const float>(values_).subspan(row * columns_, columns_);
  }
  std::span<const float> all() const { return values_; }

 private:
  std::size_t columns_;
  std::vector<float> values_;
};

Rows rows_of(const HeadRequest& request, int output) {
  const Tensor& tensor = request.results[static_cast<std::size_t>(output)];
  const Shape& shape = tensor.shape();
  return {tensor, shape.rank() == 0 ? 1 : static_cast<std::size_t>(shape[shape.rank() - 1])};
}
Rows numbers_of(const HeadRequest& request, int output) {
  return {request.results[static_cast<std::size_t>(output)], 1};
}

// The largest of some scores and its place.
std::pair<std::int64_t, float> best_of(std::span<const float> scores) {
  const auto best = std::ranges::max_element(scores);
  return {best - scores.begin(), *best};
}

Detection around(float x, float y, float width, float height) {
  return {x - width / 2, y - height / 2, x + width / 2, y + height / 2};
}

// Adds a box where its score is high enough. NaN never is.
void add(Boxes& boxes, Detection box, std::pair<std::int64_t, float> scored, float least) {
  if (!(scored.second >= least)) return;
  box.label = scored.first;
  box.score = scored.second;
  boxes.push_back(box);
}

// True for an output of (1, rows, columns); the number of rows may be a bound.
bool is_table(const DetectorOutput& output, std::int64_t& rows, std::int64_t& columns) {
  if (output.shape.rank() != 3 || output.shape[0] != 1 || !is_known(output.shape[2])) return false;
  rows = bound_of(output.shape[1]);
  columns = output.shape[2];
  return rows > 0 && columns > 0;
}

// A class that the model gives as a real number.
std::int64_t class_of(float value) { return std::isfinite(value) ? std::llround(value) : 0; }

// ---- YOLO ----

Found find_grid(Outputs outputs, std::int64_t wanted_rows) {
  std::int64_t rows = 0, columns = 0;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (is_table(outputs[i], rows, columns) && rows == wanted_rows && columns > 5)
      return HeadOutputs{static_cast<int>(i), -1, -1, columns - 5};
  }
  return std::nullopt;
}

Found find_yolov5(Outputs outputs, image::Size size) {
  if (const Found found = find_grid(outputs, 3 * cells(size))) return found;
  return find_grid(outputs, 3 * cells(size, true));
}

// Rows of centre, size, objectness and scores of the classes; all but the box are probabilities.
Boxes read_objects(const HeadRequest& request, const auto& box_of) {
  const Rows rows = rows_of(request, request.where.boxes);
  Boxes boxes;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto row = rows[i];
    if (row.size() < 6 || !(row[4] >= request.least)) continue;
    const auto [label, score] = best_of(row.subspan(5));
    add(boxes, box_of(i, row), {label, score * row[4]}, request.least);
  }
  return boxes;
}

Boxes read_yolov5(const HeadRequest& request) {
  return read_objects(request, [](std::size_t, std::span<const float> row) {
    return around(row[0], row[1], row[2], row[3]);
  });
}

Found find_yolox(Outputs outputs, image::Size size) { return find_grid(outputs, cells(size)); }

Boxes read_yolox(const HeadRequest& request) {
  struct Cell {
    int x, y, stride;
  };
  std::vector<Cell> grid;
  for (const int stride : kStrides) {
    for (int y = 0; y < request.size.height / stride; ++y) {
      for (int x = 0; x < request.size.width / stride; ++x) grid.push_back({x, y, stride});
    }
  }
  return read_objects(request, [&](std::size_t i, std::span<const float> row) {
    const Cell cell = grid[std::min(i, grid.size() - 1)];
    const auto stride = static_cast<float>(cell.stride);
    return around((row[0] + static_cast<float>(cell.x)) * stride,
                  (row[1] + static_cast<float>(cell.y)) * stride, std::exp(row[2]) * stride,
                  std::exp(row[3]) * stride);
  });
}

// Coefficients of masks that segmenting YOLOs put behind the classes, told by the second output.
std::int64_t mask_channels(Outputs outputs, image::Size size) {
  for (const DetectorOutput& output : outputs) {
    const Shape& shape = output.shape;
    if (shape.rank() == 4 && shape[2] == size.height / 4 && shape[3] == size.width / 4 &&
        is_known(shape[1])) {
      return shape[1];
    }
  }
  return 0;
}

Found find_yolov8(Outputs outputs, image::Size size) {
  std::int64_t rows = 0, columns = 0;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (!is_table(outputs[i], rows, columns)) continue;
    if (columns != cells(size) && columns != cells(size, true)) continue;
    const std::int64_t classes = rows - 4 - mask_channels(outputs, size);
    if (classes >= 1 && is_known(outputs[i].shape[1]))
      return HeadOutputs{static_cast<int>(i), -1, -1, classes};
  }
  return std::nullopt;
}

Boxes read_yolov8(const HeadRequest& request) {
  const Rows rows = rows_of(request, request.where.boxes);
  const auto classes = static_cast<std::size_t>(request.where.classes);
  Boxes boxes;
  if (rows.size() < 4 + classes) return boxes;
  for (std::size_t i = 0; i < rows[0].size(); ++i) {
    std::pair<std::int64_t, float> best{0, rows[4][i]};
    for (std::size_t k = 1; k < classes; ++k) {
      if (rows[4 + k][i] > best.second) best = {static_cast<std::int64_t>(k), rows[4 + k][i]};
    }
    add(boxes, around(rows[0][i], rows[1][i], rows[2][i], rows[3][i]), best, request.least);
  }
  return boxes;
}

Found find_yolov10(Outputs outputs, image::Size size) {
  constexpr std::int64_t kMost = 1000;
  std::int64_t rows = 0, columns = 0;
  if (outputs.size() != 1 || !is_table(outputs[0], rows, columns) || columns != 6 || rows > kMost)
    return std::nullopt;
  if (find_yolov5(outputs, size) || find_yolox(outputs, size)) return std::nullopt;
  return HeadOutputs{0, -1, -1, 0};
}

Boxes read_yolov10(const HeadRequest& request) {
  const Rows rows = rows_of(request, request.where.boxes);
  Boxes boxes;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto row = rows[i];
    add(boxes, {row[0], row[1], row[2], row[3]}, {class_of(row[5]), row[4]}, request.least);
  }
  return boxes;
}

// ---- Tables of boxes beside tables of scores ----

int named(Outputs outputs, std::string_view part) {
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    std::string name = outputs[i].name;
    std::ranges::transform(name, name.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (name.find(part) != std::string::npos) return static_cast<int>(i);
  }
  return -1;
}

// Boxes of (1, N, 4) and scores of (1, N, C).
Found find_pair(Outputs outputs) {
  HeadOutputs found;
  std::int64_t rows = 0, columns = 0, boxes = 0, scores = 0;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (!is_table(outputs[i], rows, columns)) continue;
    const bool is_boxes = columns == 4 && found.boxes < 0;
    (is_boxes ? found.boxes : found.scores) = static_cast<int>(i);
    (is_boxes ? boxes : scores) = rows;
  }
  if (outputs.size() != 2 || found.boxes < 0 || found.scores < 0 || boxes != scores) return std::nullopt;
  found.classes = outputs[static_cast<std::size_t>(found.scores)].shape[2];
  return found;
}

Found find_detr(Outputs outputs, image::Size) {
  Found found = find_pair(outputs);
  if (!found || named(outputs, "logits") != found->scores) return std::nullopt;
  return --found->classes > 0 ? found : std::nullopt;
}

Boxes read_detr(const HeadRequest& request) {
  const Rows boxes = rows_of(request, request.where.boxes), logits = rows_of(request, request.where.scores);
  const auto width = static_cast<float>(request.size.width), height = static_cast<float>(request.size.height);
  Boxes found;
  for (std::size_t i = 0; i < std::min(boxes.size(), logits.size()); ++i) {
    const auto row = logits[i];
    const float largest = *std::ranges::max_element(row);
    float sum = 0;
    for (const float value : row) sum += std::exp(value - largest);
    // The last class is that of no object.
    const auto [label, value] = best_of(row.first(row.size() - 1));
    const auto box = boxes[i];
    add(found, around(box[0] * width, box[1] * height, box[2] * width, box[3] * height),
        {label, std::exp(value - largest) / sum}, request.least);
  }
  return found;
}

Found find_ssd(Outputs outputs, image::Size size) {
  const Found found = find_pair(outputs);
  return found && !find_detr(outputs, size) ? found : std::nullopt;
}

// Corners as parts of the input; class 0 is the background.
Boxes read_ssd(const HeadRequest& request) {
  const Rows boxes = rows_of(request, request.where.boxes), scores = rows_of(request, request.where.scores);
  const auto width = static_cast<float>(request.size.width), height = static_cast<float>(request.size.height);
  Boxes found;
  for (std::size_t i = 0; i < std::min(boxes.size(), scores.size()); ++i) {
    const auto box = boxes[i];
    auto [label, score] = best_of(scores[i].size() > 1 ? scores[i].subspan(1) : scores[i]);
    add(found, {box[0] * width, box[1] * height, box[2] * width, box[3] * height},
        {scores[i].size() > 1 ? label + 1 : label, score}, request.least);
  }
  return found;
}

// ---- Lists that the model has thinned out itself ----

Found find_tensorflow(Outputs outputs, image::Size) {
  const HeadOutputs found = {named(outputs, "detection_boxes"), named(outputs, "detection_scores"),
                             named(outputs, "detection_classes")};
  if (found.boxes < 0 || found.scores < 0 || found.labels < 0) return std::nullopt;
  const Shape& shape = outputs[static_cast<std::size_t>(found.boxes)].shape;
  return shape.rank() >= 2 && shape[shape.rank() - 1] == 4 ? Found(found) : std::nullopt;
}

Boxes read_tensorflow(const HeadRequest& request) {
  const Rows boxes = rows_of(request, request.where.boxes),
             scores = numbers_of(request, request.where.scores),
             labels = numbers_of(request, request.where.labels);
  const auto width = static_cast<float>(request.size.width), height = static_cast<float>(request.size.height);
  Boxes found;
  for (std::size_t i = 0; i < std::min({boxes.size(), scores.size(), labels.size()}); ++i) {
    const auto box = boxes[i];  // y before x
    add(found, {box[1] * width, box[0] * height, box[3] * width, box[2] * height},
        {class_of(labels[i][0]), scores[i][0]}, request.least);
  }
  return found;
}

Found find_torchvision(Outputs outputs, image::Size) {
  HeadOutputs found;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const Shape& shape = outputs[i].shape;
    const auto place = static_cast<int>(i);
    if (shape.rank() == 2 && shape[1] == 4) found.boxes = place;
  }
  found.scores = named(outputs, "scores");
  found.labels = named(outputs, "labels");
  return found.boxes >= 0 && found.scores >= 0 && found.labels >= 0 ? Found(found) : std::nullopt;
}

Boxes read_torchvision(const HeadRequest& request) {
  const Rows boxes = rows_of(request, request.where.boxes),
             scores = numbers_of(request, request.where.scores),
             labels = numbers_of(request, request.where.labels);
  Boxes found;
  for (std::size_t i = 0; i < std::min({boxes.size(), scores.size(), labels.size()}); ++i) {
    const auto box = boxes[i];
    add(found, {box[0], box[1], box[2], box[3]}, {class_of(labels[i][0]), scores[i][0]}, request.least);
  }
  return found;
}

// ---- RetinaFace ----

Found find_retinaface(Outputs outputs, image::Size size) {
  HeadOutputs found;
  std::int64_t rows = 0, columns = 0;
  bool landmarks = false;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (!is_table(outputs[i], rows, columns) || rows != 2 * cells(size)) continue;
    if (columns == 4) found.boxes = static_cast<int>(i);
    if (columns == 2) found.scores = static_cast<int>(i);
    landmarks = landmarks || columns == 10;
  }
  found.classes = 1;
  return found.boxes >= 0 && found.scores >= 0 && landmarks ? Found(found) : std::nullopt;
}

Boxes read_retinaface(const HeadRequest& request) {
  constexpr std::array<std::array<float, 2>, 3> kSides = {{{16, 32}, {64, 128}, {256, 512}}};
  constexpr float kCentreVariance = 0.1F, kSizeVariance = 0.2F;
  const Rows boxes = rows_of(request, request.where.boxes), scores = rows_of(request, request.where.scores);
  Boxes found;
  std::size_t i = 0;
  for (std::size_t level = 0; level < kStrides.size(); ++level) {
    const int stride = kStrides[level];
    for (int y = 0; y < request.size.height / stride; ++y) {
      for (int x = 0; x < request.size.width / stride; ++x) {
        for (const float side : kSides[level]) {
          if (i >= std::min(boxes.size(), scores.size())) return found;
          const auto box = boxes[i];
          const auto step = static_cast<float>(stride);
          add(found,
              around((static_cast<float>(x) + 0.5F) * step + box[0] * kCentreVariance * side,
                     (static_cast<float>(y) + 0.5F) * step + box[1] * kCentreVariance * side,
                     side * std::exp(box[2] * kSizeVariance), side * std::exp(box[3] * kSizeVariance)),
              {0, scores[i][1]}, request.least);
          ++i;
        }
      }
    }
  }
  return found;
}

constexpr std::string_view kUnitLetterbox =
    R"({"resize_mode": "keep-ratio", "pad": 114, "order": "rgb", "scale": 0.00392156862745098})";

constexpr std::array kHeads = {
    DetectorHead{"yolov5", "1xNx(5+classes), N = 3 boxes a cell: centre, size, objectness, classes",
                 kUnitLetterbox, true, find_yolov5, read_yolov5},
    DetectorHead{
        "yolov8",
        "1x(4+classes)xN, N = 1 box a cell: centre, size, classes (YOLOv8, 9, 11, with masks as well)",
        kUnitLetterbox, true, find_yolov8, read_yolov8},
    DetectorHead{"yolov10", "1xNx6, at most 1000 boxes: corners, score, class; nothing to thin out",
                 kUnitLetterbox, false, find_yolov10, read_yolov10},
    DetectorHead{"yolox", "1xNx(5+classes), N = 1 box a cell: offsets in the cell, logarithms of the size",
                 R"({"resize_mode": "keep-ratio", "pad": 114, "order": "bgr"})", true, find_yolox,
                 read_yolox},
    DetectorHead{"detr", "1xNx4 parts of the input and logits of 1xNx(classes+1), the last of no object",
                 R"({"preset": "torch", "resize_mode": "stretch"})", false, find_detr, read_detr},
    DetectorHead{
        "ssd",
        "corners of 1xNx4 as parts of the input and scores of 1xNx(1+classes), the first of the background",
        R"({"resize_mode": "stretch", "order": "rgb", "mean": [127, 127, 127], "std": [128, 128, 128]})",
        true, find_ssd, read_ssd},
    DetectorHead{"tensorflow",
                 "detection_boxes (y, x, y, x as parts of the input), detection_scores, detection_classes",
                 R"({"resize_mode": "stretch", "order": "rgb"})", false, find_tensorflow, read_tensorflow},
    DetectorHead{"torchvision", "boxes of Nx4 in pixels of the input, scores and labels of N",
                 R"({"resize_mode": "stretch", "order": "rgb", "scale": 0.00392156862745098})", false,
                 find_torchvision, read_torchvision},
    DetectorHead{"retinaface", "1xNx4 changes of N = 2 anchors a cell, scores of 1xNx2, landmarks of 1xNx10",
                 R"({"resize_mode": "stretch", "order": "bgr", "mean": [104, 117, 123]})", true,
                 find_retinaface, read_retinaface},
};

}  // namespace

std::span<const DetectorHead> detector_heads() { return kHeads; }

}  // namespace godwit::vision
