// Heads of detectors: which outputs are recognised, and boxes by hand for each.
#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <string>
#include <vector>

#include "tests/support/errors.h"
#include "tools/vision/detector_head.h"

namespace godwit::vision {
namespace {

constexpr image::Size kSize(64, 64);  // 64 + 16 + 4 cells
constexpr std::int64_t kCells = 84;

struct Case {
  std::string head;
  std::vector<DetectorOutput> outputs;
};

std::vector<Case> cases() {
  return {
      {"yolov5", {{"output0", {1, 3 * kCells, 7}}}},
      {"yolov5", {{"output0", {1, 3 * (kCells + 1), 7}}}},
      {"yolov8", {{"output0", {1, 6, kCells}}}},
      {"yolov8", {{"output0", {1, 38, kCells}}, {"output1", {1, 32, 16, 16}}}},
      {"yolov10", {{"output0", {1, 300, 6}}}},
      {"yolox", {{"output", {1, kCells, 7}}}},
      {"detr", {{"pred_logits", {1, 100, 3}}, {"pred_boxes", {1, 100, 4}}}},
      {"ssd", {{"scores", {1, 50, 2}}, {"boxes", {1, 50, 4}}}},
      {"tensorflow",
       {{"detection_boxes", {1, at_most(9), 4}},
        {"detection_scores", {1, at_most(9)}},
        {"detection_classes", {1, at_most(9)}}}},
      {"torchvision", {{"boxes", {at_most(9), 4}}, {"labels", {at_most(9)}}, {"scores", {at_most(9)}}}},
      {"retinaface",
       {{"loc", {1, 2 * kCells, 4}}, {"conf", {1, 2 * kCells, 2}}, {"landms", {1, 2 * kCells, 10}}}},
  };
}

TEST(DetectorHeads, AreRecognisedByShapesAndNames) {
  for (const Case& each : cases()) {
    const FoundHead found = find_head(each.outputs, kSize, "");
    EXPECT_EQ(found.head->name, each.head);
    EXPECT_EQ(find_head(each.outputs, kSize, each.head).head->name, each.head);
  }
}

void expect_refusal(const std::vector<DetectorOutput>& outputs, std::string_view head,
                    std::string_view words) {
  const std::string text = support::error_of([&] { find_head(outputs, kSize, head); });
  EXPECT_NE(text.find(words), std::string::npos) << text;
}

TEST(DetectorHeads, OthersAreRefusedWithWhatIsThere) {
  const std::vector<DetectorOutput> scores = {{"prob", {1, 1000}}};
  expect_refusal(scores, "", "'prob' 1x1000");
  expect_refusal(scores, "yolov8", "head 'yolov8' reads");
  expect_refusal(scores, "yolo8", "did you mean 'yolov8'?");
}

// The boxes that a head of that name reads out of the tensors.
std::vector<Detection> read(const std::vector<DetectorOutput>& outputs, const std::vector<Tensor>& tensors,
                            float least = 0.25F) {
  const FoundHead found = find_head(outputs, kSize, "");
  return found.head->read({found.outputs, tensors, kSize, least});
}

void expect_box(const Detection& box, std::int64_t label, float score, std::array<float, 4> corners) {
  EXPECT_EQ(box.label, label);
  EXPECT_NEAR(box.score, score, 1e-6);
  EXPECT_NEAR(box.left, corners[0], 1e-4);
  EXPECT_NEAR(box.top, corners[1], 1e-4);
  EXPECT_NEAR(box.right, corners[2], 1e-4);
  EXPECT_NEAR(box.bottom, corners[3], 1e-4);
}

// A tensor of zeros with some numbers set, by place.
Tensor with(const Shape& shape, const std::vector<std::pair<std::int64_t, float>>& numbers) {
  Tensor tensor(TensorDesc{DType::f32, shape, Layout::nchw});
  for (float& value : tensor.mutable_values<float>()) value = 0;
  for (const auto& [place, value] : numbers)
    tensor.mutable_values<float>()[static_cast<std::size_t>(place)] = value;
  return tensor;
}

TEST(DetectorHeads, Yolov5MultipliesObjectAndClass) {
  const Shape shape{1, 3 * kCells, 7};
  const Tensor table = with(shape, {{7, 20},
                                    {8, 30},
                                    {9, 10},
                                    {10, 4},
                                    {11, 0.5F},
                                    {13, 0.8F},
                                    // NaN is no object
                                    {18, std::numeric_limits<float>::quiet_NaN()},
                                    {19, 1}});
  const auto boxes = read({{"o", shape}}, {table});
  ASSERT_EQ(boxes.size(), 1U);
  expect_box(boxes[0], 1, 0.4F, {15, 28, 25, 32});
}

TEST(DetectorHeads, Yolov8StandsOnItsSide) {
  const Shape shape{1, 6, kCells};
  const auto at = [](int row, int cell) { return row * kCells + cell; };
  const Tensor table = with(shape, {{at(0, 83), 40},
                                    {at(1, 83), 20},
                                    {at(2, 83), 8},
                                    {at(3, 83), 6},
                                    {at(4, 83), 0.3F},
                                    {at(5, 83), 0.9F}});
  const auto boxes = read({{"o", shape}}, {table});
  ASSERT_EQ(boxes.size(), 1U);
  expect_box(boxes[0], 1, 0.9F, {36, 17, 44, 23});
}

TEST(DetectorHeads, YoloxIsRelativeToItsCell) {
  const Shape shape{1, kCells, 6};
  // Cell 65 is that of stride 16 at column 1 of row 0.
  const std::int64_t row = 65 * 6;
  const Tensor table =
      with(shape, {{row, 0.5F}, {row + 1, 0.25F}, {row + 2, std::log(2.0F)}, {row + 4, 1}, {row + 5, 0.5F}});
  const auto boxes = read({{"o", shape}}, {table});
  ASSERT_EQ(boxes.size(), 1U);
  expect_box(boxes[0], 0, 0.5F, {24 - 16, 4 - 8, 24 + 16, 4 + 8});
}

TEST(DetectorHeads, ListsAreTakenAsTheyAre) {
  const auto ten =
      read({{"o", {1, 2, 6}}}, {Tensor::of<float>({1, 2, 6}, {1, 2, 3, 4, 0.9F, 5, 0, 0, 9, 9, 0.1F, 1})});
  ASSERT_EQ(ten.size(), 1U);
  expect_box(ten[0], 5, 0.9F, {1, 2, 3, 4});
  const auto vision = read({{"boxes", {1, 4}}, {"labels", {1}}, {"scores", {1}}},
                           {Tensor::of<float>({1, 4}, {1, 2, 3, 4}), Tensor::of<std::int64_t>({1}, {7}),
                            Tensor::of<float>({1}, {0.5F})});
  ASSERT_EQ(vision.size(), 1U);
  expect_box(vision[0], 7, 0.5F, {1, 2, 3, 4});
  const auto flow =
      read({{"detection_boxes", {1, 1, 4}}, {"detection_scores", {1, 1}}, {"detection_classes", {1, 1}}},
           {Tensor::of<float>({1, 1, 4}, {0.25F, 0.5F, 0.75F, 1}), Tensor::of<float>({1, 1}, {0.5F}),
            Tensor::of<float>({1, 1}, {3})});
  ASSERT_EQ(flow.size(), 1U);
  expect_box(flow[0], 3, 0.5F, {32, 16, 64, 48});
}

TEST(DetectorHeads, PairsLeaveTheBackgroundOut) {
  const auto detr = read({{"logits", {1, 2, 3}}, {"boxes", {1, 2, 4}}},
                         {Tensor::of<float>({1, 2, 3}, {0, std::log(2.0F), 0, 0, 0, 9}),
                          Tensor::of<float>({1, 2, 4}, {0.5F, 0.5F, 0.25F, 0.5F, 0, 0, 1, 1})});
  ASSERT_EQ(detr.size(), 1U);
  expect_box(detr[0], 1, 0.5F, {24, 16, 40, 48});
  const auto ssd = read({{"scores", {1, 2, 3}}, {"boxes", {1, 2, 4}}},
                        {Tensor::of<float>({1, 2, 3}, {0.3F, 0.1F, 0.6F, 0.9F, 0.05F, 0.05F}),
                         Tensor::of<float>({1, 2, 4}, {0, 0.25F, 0.5F, 1, 0, 0, 1, 1})});
  ASSERT_EQ(ssd.size(), 1U);
  expect_box(ssd[0], 2, 0.6F, {0, 16, 32, 64});
}

TEST(DetectorHeads, RetinaFaceMovesItsAnchors) {
  const Shape loc{1, 2 * kCells, 4}, conf{1, 2 * kCells, 2}, landmarks{1, 2 * kCells, 10};
  // Anchor 3: side 32 at column 1 of stride 8.
  const auto boxes =
      read({{"loc", loc}, {"conf", conf}, {"landms", landmarks}},
           {with(loc, {{12, 1}, {14, 5 * std::log(2.0F)}}), with(conf, {{7, 0.75F}}), with(landmarks, {})});
  ASSERT_EQ(boxes.size(), 1U);
  expect_box(boxes[0], 0, 0.75F, {12 + 3.2F - 32, 4 - 16, 12 + 3.2F + 32, 4 + 16});
}

TEST(Suppression, KeepsTheBestOfEachClass) {
  const std::vector<Detection> boxes = {
      {0, 0, 10, 10, 0.5F, 0}, {1, 0, 11, 10, 0.9F, 0}, {0, 0, 10, 10, 0.6F, 1}, {20, 20, 30, 30, 0.4F, 0}};
  const auto kept = suppress(boxes, 0.5F, 10);
  ASSERT_EQ(kept.size(), 3U);
  EXPECT_EQ(kept[0].score, 0.9F);
  EXPECT_EQ(kept[1].label, 1);
  EXPECT_EQ(kept[2].left, 20);
  EXPECT_EQ(suppress(boxes, 0.5F, 1).size(), 1U);
  // 9 x 10 shared of 110
  EXPECT_NEAR(intersection_over_union(boxes[0], boxes[1]), 90.0 / 110, 1e-6);
  EXPECT_EQ(intersection_over_union(boxes[0], boxes[3]), 0);
  EXPECT_EQ(intersection_over_union({}, {}), 0);
}

}  // namespace
}  // namespace godwit::vision
