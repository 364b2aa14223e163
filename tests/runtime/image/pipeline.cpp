// Preprocessing as data: presets, JSON, changes by options, and the texts made of it.
#include "runtime/image/pipeline.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <string>

#include "runtime/image/preprocess.h"
#include "tests/support/errors.h"
#include "tests/support/temporary_directory.h"

namespace godwit::image {
namespace {

using support::error_of;
using test::TemporaryDirectory;

TEST(Pipelines, PresetsHaveTheirPublishedNumbers) {
  ASSERT_EQ(presets().size(), 4U);
  for (const Preset& preset : presets()) {
    EXPECT_EQ(pipeline(std::string(preset.name)).name, preset.name);
    EXPECT_EQ(pipeline(std::string(preset.name)).crop, 224);
  }
  EXPECT_EQ(pipeline("torch").resize, 256);
  EXPECT_EQ(pipeline("torch-v2").resize, 232);
  EXPECT_EQ(pipeline("torch-v2").mean, pipeline("torch").mean);
  EXPECT_EQ(pipeline("caffe").mean[0], 123.68F);
  EXPECT_EQ(pipeline("caffe").order, ChannelOrder::rgb);
}

TEST(Pipelines, JsonSetsEveryKey) {
  const TemporaryDirectory directory;
  const std::string path =
      directory.write("p.json", R"({"preset": "torch", "resize": 0, "crop": 299, "order": "bgr",
    "scale": 0.5, "mean": [1, 2.5, -3], "std": [0.25, 1, 2]})");
  const Pipeline read = pipeline(path);
  EXPECT_EQ(read.name, path);
  EXPECT_EQ(read.resize, 0);
  EXPECT_EQ(read.crop, 299);
  EXPECT_EQ(read.order, ChannelOrder::bgr);
  EXPECT_EQ(read.scale, 0.5);
  EXPECT_EQ(read.mean, (std::array<float, 3>{1, 2.5F, -3}));
  EXPECT_EQ(read.stddev, (std::array<float, 3>{0.25F, 1, 2}));
}

TEST(Pipelines, FiltersHaveNames) {
  EXPECT_EQ(pipeline("torch").filter, Filter::bilinear);
  EXPECT_EQ(pipeline_from_text(R"({"filter": "bicubic"})", "m").filter, Filter::bicubic);
  EXPECT_EQ(pipeline_from_text(R"({"filter": "nearest"})", "m").filter, Filter::nearest);
  EXPECT_EQ(error_of([] { pipeline_from_text(R"({"filter": "lanczos"})", "m"); }),
            "m: key 'filter': \"lanczos\" is not \"bilinear\", \"bicubic\" or \"nearest\"");
}

TEST(Pipelines, APresetIsTheBaseWhereverItStands) {
  const Pipeline read = pipeline_from_text(R"({"crop": 288, "preset": "torch-v2"})", "the model");
  EXPECT_EQ(read.crop, 288);
  EXPECT_EQ(read.resize, 232);
  EXPECT_EQ(read.name, "the model");
  EXPECT_EQ(pipeline_from_text(" tf\n", "the model").name, "tf");
  EXPECT_EQ(pipeline_from_text("{}", "m").scale, 1.0);
}

TEST(Pipelines, SizesOfOneNumberOrTwo) {
  const Pipeline two = pipeline_from_text(R"({"resize": [32, 48]})", "m");
  EXPECT_EQ(two.resize, Size(32, 48));
  EXPECT_EQ(two.crop, Size(32, 48));
  EXPECT_EQ(two.mode, ResizeMode::stretch);
  EXPECT_EQ(two.elements(), 3U * 32 * 48);
  const Pipeline padded =
      pipeline_from_text(R"({"resize": [32, 48], "resize_mode": "keep-ratio", "pad": 114, "crop": 64})", "m");
  EXPECT_EQ(padded.mode, ResizeMode::keep_ratio);
  EXPECT_EQ(padded.pad, 114);
  EXPECT_EQ(padded.crop, Size(64));
  EXPECT_EQ(pipeline_from_text(R"({"resize": 640, "resize_mode": "keep-ratio"})", "m").crop, Size(640));
  // The size to resize to is the crop's where none is said.
  EXPECT_EQ(pipeline_from_text(R"({"preset": "torch", "resize_mode": "stretch"})", "m").resize, Size(224));
  const Pipeline covering = pipeline_from_text(R"({"resize": [32, 48], "resize_mode": "crop"})", "m");
  EXPECT_EQ(covering.mode, ResizeMode::crop);
  EXPECT_EQ(covering.crop, Size(32, 48));
  const Pipeline one = pipeline_from_text(R"({"resize": 48})", "m");
  EXPECT_EQ(one.mode, ResizeMode::crop);
  EXPECT_EQ(one.crop, Size(224));
}

TEST(Pipelines, TheTextOfOneIsReadBackAsTheSame) {
  for (const char* text :
       {"torch", "torch-v2", "caffe", "tf",
        R"({"preset": "tf", "resize": [32, 48], "resize_mode": "keep-ratio", "pad": 114, "depth": 12})",
        R"({"channels": 1, "mean": [0.1], "std": [0.3], "scale": 0.00392156862745098, "depth": "scale"})",
        R"({"resize": 0, "crop": [7, 5], "order": "bgr", "filter": "nearest", "mean": [1e-7, 3, 0.7]})"}) {
    const Pipeline first = pipeline_from_text(text, "m"), second = pipeline_from_text(text_of(first), "m");
    EXPECT_EQ(text_of(second), text_of(first));
    EXPECT_EQ(value_table(second), value_table(first)) << text;
    EXPECT_EQ(second.depth, first.depth);
    EXPECT_EQ(second.order, first.order);
    EXPECT_EQ(second.crop, first.crop);
    EXPECT_EQ(second.mode, first.mode);
  }
  EXPECT_EQ(text_of(pipeline("torch")),
            R"({"resize":256,"resize_mode":"crop","crop":224,"pad":0,"filter":"bilinear","channels":3,)"
            R"("order":"rgb","scale":0.00392156862745098,"mean":[0.485,0.456,0.406],)"
            R"("std":[0.229,0.224,0.225],"depth":"pillow"})");
}

TEST(Pipelines, SentencesForPeople) {
  const auto sentence = [](const char* text) { return size_sentence(pipeline_from_text(text, "m")); };
  EXPECT_EQ(sentence("torch"), "short side 256, bilinear, crop 224");
  EXPECT_EQ(sentence(R"({"resize": [192, 320]})"), "stretched to 192x320, bilinear");
  EXPECT_EQ(sentence(R"({"resize": 640, "resize_mode": "keep-ratio", "pad": 114})"),
            "fitted into 640 with the ratio kept, bilinear, border 114");
  EXPECT_EQ(sentence(R"({"resize": 0, "crop": [8, 4]})"), "not resized, crop 8x4");
  EXPECT_EQ(value_sentence(pipeline("torch")),
            "RGB / 255, minus 0.485 0.456 0.406, divided by 0.229 0.224 0.225");
  EXPECT_EQ(value_sentence(pipeline_from_text(R"({"channels": 1, "depth": 12})", "m")),
            "gray, 16 bits by 12");
}

PipelineChanges resizing(const char* resize, const char* mode = "", const char* crop = "") {
  PipelineChanges changes;
  changes.resize = resize;
  changes.mode = mode;
  changes.crop = crop;
  return changes;
}
PipelineChanges padding(int pad) {
  PipelineChanges changes;
  changes.pad = pad;
  return changes;
}
PipelineChanges one_channel() {
  PipelineChanges changes;
  changes.channels = 1;
  return changes;
}

TEST(Pipelines, ChangesFollowTheSameRules) {
  const auto changed = [](const PipelineChanges& changes, const char* base = "torch") {
    Pipeline result = pipeline_from_text(base, "m");
    change(result, changes);
    return result;
  };
  EXPECT_EQ(changed(resizing("32x48")).crop, Size(32, 48));
  EXPECT_EQ(changed(resizing("32x48")).mode, ResizeMode::stretch);
  EXPECT_EQ(changed(resizing("232")).crop, Size(224));
  EXPECT_EQ(changed(resizing("", "", "64x32")).crop, Size(64, 32));
  EXPECT_EQ(changed(resizing("32x48", "keep-ratio", "50")).crop, Size(50));
  EXPECT_EQ(changed(resizing("", "keep-ratio")).resize, Size(224));
  EXPECT_EQ(changed(padding(128)).pad, 128);
  // A model's own way of resizing stays.
  constexpr const char* kLetterbox = R"({"resize": 640, "resize_mode": "keep-ratio", "pad": 114})";
  EXPECT_EQ(changed(resizing("320x416"), kLetterbox).mode, ResizeMode::keep_ratio);
  EXPECT_EQ(changed(resizing("320"), kLetterbox).crop, Size(320));
  EXPECT_EQ(changed(one_channel(), "tf").channels, 1);
  const auto refusal = [&](const PipelineChanges& changes) {
    return error_of([&] { (void)changed(changes); });
  };
  EXPECT_EQ(refusal(resizing("32x")), "resize: '32x' is not a size such as 256 or 192x320 (height x width)");
  EXPECT_EQ(refusal(resizing("-1")), "resize: -1 is not a whole number from 0 to 16384");
  EXPECT_EQ(refusal(resizing("0x4")), "resize: [0,4] has no pixels, expected sides of at least 1");
  EXPECT_EQ(refusal(resizing("128")),
            "resize: a short side of 128 is less than the crop of 224; pass --crop as well, or --resize "
            "128x128 to stretch");
  EXPECT_EQ(changed(resizing("128", "", "100")).crop, Size(100));
  EXPECT_EQ(refusal(resizing("0", "stretch")),
            "resize mode stretch needs a size to resize to, such as 224 or 192x320");
  EXPECT_EQ(refusal(resizing("", "fill")), "resize mode: 'fill' is none of crop, keep-ratio, stretch");
  EXPECT_EQ(refusal(padding(256)), "pad: 256 is not the value of a pixel, a whole number from 0 to 255");
  EXPECT_NE(refusal(one_channel()).find("pass mean and std of 1 number"), std::string::npos);
}

TEST(Pipelines, WrongJsonIsRefusedByItsKey) {
  const auto refusal = [](const std::string& text) {
    return error_of([&] { pipeline_from_text(text, "m"); });
  };
  EXPECT_EQ(refusal("inception"),
            "m: unknown preset 'inception': expected one of torch, torch-v2, caffe, tf");
  EXPECT_EQ(refusal(" "), "m: empty: expected a preset's name or JSON");
  EXPECT_EQ(refusal("{"), "m: not valid JSON: it ends too early, in line 1");
  EXPECT_EQ(
      refusal(R"({"size": 3})"),
      "m: key 'size': unknown key: expected resize, resize_mode, pad, crop, filter, channels, depth, order, "
      "scale, mean, std or preset");
  EXPECT_EQ(refusal(R"({"resize": [3]})"), "m: key 'resize': [3] is not a number or [height, width]");
  EXPECT_EQ(refusal(R"({"crop": [0, 4]})"),
            "m: key 'crop': [0,4] has no pixels, expected sides of at least 1");
  EXPECT_EQ(refusal(R"({"resize_mode": "squash"})"),
            "m: key 'resize_mode': 'squash' is none of crop, keep-ratio, stretch");
  EXPECT_EQ(refusal(R"({"resize_mode": 1})"), "m: key 'resize_mode': 1 is not a word");
  EXPECT_EQ(refusal(R"({"pad": -1})"),
            "m: key 'pad': -1 is not the value of a pixel, a whole number from 0 to 255");
  EXPECT_EQ(refusal(R"({"resize": -1})"), "m: key 'resize': -1 is not a whole number from 0 to 16384");
  EXPECT_EQ(refusal(R"({"crop": 16385})"), "m: key 'crop': 16385 is not a whole number from 0 to 16384");
  EXPECT_EQ(refusal(R"({"crop": 18446744073709551615})"),
            "m: key 'crop': 18446744073709551615 is not a whole number from 0 to 16384");
  EXPECT_EQ(refusal(R"({"crop": 224.0})"), "m: key 'crop': 224.0 is not a whole number from 0 to 16384");
  EXPECT_EQ(refusal(R"({"order": "RGB"})"), "m: key 'order': \"RGB\" is not \"rgb\" or \"bgr\"");
  EXPECT_EQ(refusal(R"({"scale": 1e39})"), "m: key 'scale': 1e+39 is not a finite number");
  EXPECT_EQ(refusal(R"({"scale": 0})"), "m: key 'scale': 0 would make all pixels equal");
  EXPECT_EQ(refusal(R"({"mean": [1, 2]})"),
            "m: key 'mean': [1,2] is not a list of 3 numbers, one for each channel");
  EXPECT_EQ(refusal(R"({"mean": [1, 2, "3"]})"), "m: key 'mean': \"3\" is not a finite number");
  EXPECT_EQ(refusal(R"({"std": [1, 0, 1]})"), "m: key 'std': [1,0,1] is not a list of positive numbers");
  EXPECT_EQ(refusal(R"({"scale": 1e38})"),
            "m: scale, mean and std make pixels of more than 3.4e38, which are infinite in f32");
  EXPECT_EQ(refusal(R"({"mean": [1e30, 0, 0], "std": [1e-20, 1, 1]})"),
            "m: scale, mean and std make pixels of more than 3.4e38, which are infinite in f32");
  EXPECT_EQ(refusal(R"({"preset": 3})"), "m: key 'preset': 3 is not a preset's name");
  EXPECT_EQ(refusal(R"({"preset": "x"})"),
            "m: unknown preset 'x': expected one of torch, torch-v2, caffe, tf");
}

TEST(Pipelines, WrongFilesAreRefusedByTheirPath) {
  const TemporaryDirectory directory;
  const std::string list = directory.write("list.json", "[1, 2]");
  EXPECT_EQ(error_of([&] { pipeline(list); }), fmt::format("'{}': [1,2] is not a JSON object", list));
  EXPECT_EQ(error_of([&] { pipeline(directory.path().string()); }),
            fmt::format("'{}' is not a regular file", directory.path().string()));
  EXPECT_EQ(error_of([] { pipeline("no-such"); }),
            "'no-such' is neither a file nor a preset for preprocessing: expected one of torch, torch-v2, "
            "caffe, tf, "
            "or a JSON file");
  const std::string large = directory.write("large.json", std::string((1U << 20) + 1, ' '));
  EXPECT_NE(error_of([&] { pipeline(large); }), "");
  EXPECT_EQ(error_of([&] { pipeline(directory.write("empty.json", "")); }),
            fmt::format("'{}': not valid JSON: there is nothing in it", directory / "empty.json"));
}

}  // namespace
}  // namespace godwit::image
