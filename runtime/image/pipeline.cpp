// The presets, and pipelines read from JSON with every key and value checked.
#include "runtime/image/pipeline.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <limits>
#include <nlohmann/json.hpp>
#include <vector>

#include "runtime/error.h"
#include "runtime/json.h"
#include "runtime/memory.h"
#include "runtime/nearest_name.h"

namespace godwit::image {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxFileBytes = 1U << 20;
constexpr int kMaxDepth = 16;
constexpr int kMaxSide = 16384;

constexpr std::array kPresets = {
    Preset{"torch", "PyTorch: torchvision's first weights (IMAGENET1K_V1), timm, and most others"},
    Preset{"torch-v2", "torchvision's newer weights (IMAGENET1K_V2)"},
    Preset{"caffe", "Caffe, and Keras' VGG and ResNet50 (where they take red first)"},
    Preset{"tf", "TensorFlow and Keras' MobileNet, Inception and ResNetV2; 1001 classes: --label-offset 1"},
};

const Pipeline* find_preset(std::string_view name) {
  static const std::array<Pipeline, kPresets.size()> pipelines = [] {
    Pipeline torch;
    torch.name = "torch";
    torch.scale = 1.0 / 255.0;
    torch.mean = {0.485F, 0.456F, 0.406F};
    torch.stddev = {0.229F, 0.224F, 0.225F};
    Pipeline torch_v2 = torch;
    torch_v2.name = "torch-v2";
    torch_v2.resize = 232;
    Pipeline caffe;
    caffe.name = "caffe";
    caffe.mean = {123.68F, 116.779F, 103.939F};
    Pipeline tf;
    tf.name = "tf";
    tf.scale = 1.0 / 127.5;
    tf.mean = {1, 1, 1};
    return std::array{torch, torch_v2, caffe, tf};
  }();
  const auto found = std::ranges::find(pipelines, name, &Pipeline::name);
  return found == pipelines.end() ? nullptr : &*found;
}

std::string preset_names() {
  std::vector<std::string_view> names;
  for (const Preset& preset : kPresets) names.push_back(preset.name);
  return fmt::format("{}", fmt::join(names, ", "));
}

std::string did_you_mean_preset(std::string_view name) {
  std::vector<std::string_view> names;
  for (const Preset& preset : kPresets) names.push_back(preset.name);
  return did_you_mean(name, names);
}

const Pipeline& require_preset(std::string_view name) {
  const Pipeline* preset = find_preset(name);
  if (preset == nullptr) {
    throw Error(fmt::format("unknown preset '{}': expected one of {}{}", name, preset_names(),
                            did_you_mean_preset(name)));
  }
  return *preset;
}

// A value in an error message, cut short when it is long.
std::string shown(const json& value) {
  std::string text = value.dump(-1, ' ', true, json::error_handler_t::replace);
  if (text.size() > 40) text = text.substr(0, 40) + "…";
  return text;
}

constexpr std::array<std::string_view, 3> kModeNames = {"crop", "keep-ratio", "stretch"};

int side(const json& value) {
  if (!value.is_number_integer() || value < 0 || value > kMaxSide) {
    throw Error(fmt::format("{} is not a whole number from 0 to {}", shown(value), kMaxSide));
  }
  return value.get<int>();
}

// One number, or height and width.
Size size(const json& value) {
  if (!value.is_array()) return side(value);
  if (value.size() != 2) throw Error(fmt::format("{} is not a number or [height, width]", shown(value)));
  const Size result(side(value[0]), side(value[1]));
  if (result.empty())
    throw Error(fmt::format("{} has no pixels, expected sides of at least 1", shown(value)));
  return result;
}

ResizeMode resize_mode(std::string_view name) {
  const auto* found = std::ranges::find(kModeNames, name);
  if (found == kModeNames.end()) {
    throw Error(fmt::format("'{}' is none of {}{}", name.substr(0, 40), fmt::join(kModeNames, ", "),
                            did_you_mean(name, kModeNames)));
  }
  return static_cast<ResizeMode>(found - kModeNames.begin());
}

std::uint8_t pad(const json& value) {
  if (!value.is_number_integer() || value < 0 || value > 255)
    throw Error(fmt::format("{} is not the value of a pixel, a whole number from 0 to 255", shown(value)));
  return value.get<std::uint8_t>();
}

// "256" or "192x320" as JSON has it.
json parse_size(const std::string& text) {
  const auto number = [&](std::string_view digits) -> json {
    int value = 0;
    const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (failure != std::errc() || end != digits.data() + digits.size())
      throw Error(
          fmt::format("'{}' is not a size such as 256 or 192x320 (height x width)", text.substr(0, 40)));
    return value;
  };
  const std::size_t times = text.find('x');
  if (times == std::string::npos) return number(text);
  return json::array(
      {number(std::string_view(text).substr(0, times)), number(std::string_view(text).substr(times + 1))});
}

double finite(const json& value) {
  if (!value.is_number() || !(std::abs(value.get<double>()) <= std::numeric_limits<float>::max())) {
    throw Error(fmt::format("{} is not a finite number", shown(value)));
  }
  return value.get<double>();
}

// The one of a single channel stands for all three.
std::array<float, 3> numbers(const json& value, int channels) {
  if (!value.is_array() || value.size() != static_cast<std::size_t>(channels)) {
    throw Error(channels == 1
                    ? fmt::format("{} is not a list of 1 number, for the one channel", shown(value))
                    : fmt::format("{} is not a list of 3 numbers, one for each channel", shown(value)));
  }
  std::array<float, 3> result{};
  for (std::size_t c = 0; c < 3; ++c) result[c] = static_cast<float>(finite(value[channels == 1 ? 0 : c]));
  return result;
}

int channels(const json& value) {
  if (value != 1 && value != 3) throw Error(fmt::format("{} is not 1 (gray) or 3 (colour)", shown(value)));
  return value.get<int>();
}

ChannelOrder channel_order(const json& value) {
  if (value == "rgb") return ChannelOrder::rgb;
  if (value == "bgr") return ChannelOrder::bgr;
  throw Error(fmt::format("{} is not \"rgb\" or \"bgr\"", shown(value)));
}

Filter filter(const json& value) {
  for (const Filter known : {Filter::bilinear, Filter::bicubic, Filter::nearest}) {
    if (value == std::string(name_of(known))) return known;
  }
  throw Error(fmt::format("{} is not \"bilinear\", \"bicubic\" or \"nearest\"", shown(value)));
}

Depth depth(const json& value) {
  const std::string text = value.is_number_integer() ? value.dump()
                           : value.is_string()       ? value.get<std::string>()
                                                     : std::string();
  const std::optional<Depth> depth = parse_depth(text);
  if (!depth) {
    throw Error(fmt::format("{} is not \"pillow\", \"scale\" or a number of bits from {} to {}", shown(value),
                            kLeastDepth, kLargestDepth));
  }
  return *depth;
}

void set(Pipeline& pipeline, const std::string& key, const json& value) {
  if (key == "resize") {
    pipeline.resize = size(value);
  } else if (key == "crop") {
    pipeline.crop = size(value);
  } else if (key == "resize_mode") {
    if (!value.is_string()) throw Error(fmt::format("{} is not a word", shown(value)));
    pipeline.mode = resize_mode(value.get<std::string>());
  } else if (key == "pad") {
    pipeline.pad = pad(value);
  } else if (key == "filter") {
    pipeline.filter = filter(value);
  } else if (key == "channels") {
    pipeline.channels = channels(value);
  } else if (key == "depth") {
    pipeline.depth = depth(value);
  } else if (key == "order") {
    pipeline.order = channel_order(value);
  } else if (key == "scale") {
    pipeline.scale = finite(value);
    if (pipeline.scale == 0) throw Error("0 would make all pixels equal");
  } else if (key == "mean") {
    pipeline.mean = numbers(value, pipeline.channels);
  } else if (key == "std") {
    pipeline.stddev = numbers(value, pipeline.channels);
    // Below the smallest normal float the quotient would overflow.
    if (std::ranges::any_of(pipeline.stddev,
                            [](float v) { return !(v >= std::numeric_limits<float>::min()); })) {
      throw Error(fmt::format("{} is not a list of positive numbers", shown(value)));
    }
  } else if (key != "preset") {
    throw Error(
        "unknown key: expected resize, resize_mode, pad, crop, filter, channels, depth, order, scale, mean, "
        "std or preset");
  }
}

// A preset's three channels hold for one channel only where they are alike.
bool is_alike(const Pipeline& pipeline) {
  const auto alike = [](const std::array<float, 3>& values) {
    return values[0] == values[1] && values[1] == values[2];
  };
  return alike(pipeline.mean) && alike(pipeline.stddev);
}

void require_one_channel(const Pipeline& pipeline) {
  if (!is_alike(pipeline)) {
    throw Error(
        "key 'channels': the preset has a mean and std for each of 3 channels; pass mean and std of 1 "
        "number");
  }
  if (pipeline.order != ChannelOrder::rgb) throw Error("key 'order': one channel has no order of colours");
}

// Black and white bound all other pixels.
void require_finite(const Pipeline& pipeline) {
  for (std::size_t c = 0; c < 3; ++c) {
    for (const double pixel : {0.0, 255.0}) {
      // Each is a step of f32.
      const double scaled = pixel * pipeline.scale, shifted = scaled - static_cast<double>(pipeline.mean[c]),
                   value = shifted / static_cast<double>(pipeline.stddev[c]);
      if (std::max({std::abs(scaled), std::abs(shifted), std::abs(value)}) <=
          std::numeric_limits<float>::max())
        continue;
      throw Error("scale, mean and std make pixels of more than 3.4e38, which are infinite in f32");
    }
  }
}

// Parts of a pipeline that somebody gave.
struct Given {
  bool resize = false, two_sides = false, mode = false, crop = false;
};

// Consequences for the other parts.
void complete(Pipeline& pipeline, const Given& given) {
  if (given.two_sides && !given.mode && pipeline.mode == ResizeMode::crop)
    pipeline.mode = ResizeMode::stretch;
  const bool is_short_side = pipeline.mode == ResizeMode::crop && !given.two_sides;
  if (given.resize && !given.crop && !is_short_side) pipeline.crop = pipeline.resize;
  if (given.mode && !given.resize && pipeline.mode != ResizeMode::crop) pipeline.resize = pipeline.crop;
  if (pipeline.resize.empty() && pipeline.mode != ResizeMode::crop) {
    throw Error(fmt::format("resize mode {} needs a size to resize to, such as 224 or 192x320",
                            name_of(pipeline.mode)));
  }
}

Pipeline from_json(const std::string& text) {
  const json document = require_json(text, kMaxDepth);
  if (!document.is_object()) throw Error(fmt::format("{} is not a JSON object", shown(document)));
  Pipeline pipeline;
  if (const auto base = document.find("preset"); base != document.end()) {
    if (!base->is_string()) throw Error(fmt::format("key 'preset': {} is not a preset's name", shown(*base)));
    pipeline = require_preset(base->get<std::string>());
  }
  // Keys come in the order of the alphabet: channels before the numbers of each of them.
  for (const auto& [key, value] : document.items()) {
    with_context([&, &name = key] { return fmt::format("key '{}'", name.substr(0, 40)); },
                 [&, &name = key, &given = value] { set(pipeline, name, given); });
  }
  const bool has_resize = document.contains("resize");
  complete(pipeline, {has_resize, has_resize && document["resize"].is_array(),
                      document.contains("resize_mode"), document.contains("crop")});
  if (pipeline.channels == 1) require_one_channel(pipeline);
  require_finite(pipeline);
  return pipeline;
}

}  // namespace

std::optional<Depth> parse_depth(std::string_view text) {
  if (text == "pillow") return Depth::pillow;
  if (text == "scale") return Depth::scale;
  for (int bits = kLeastDepth; bits <= kLargestDepth; ++bits) {
    if (text == fmt::format("{}", bits)) return depth_of_bits(bits);
  }
  return std::nullopt;
}

std::span<const Preset> presets() { return kPresets; }

std::string_view name_of(ResizeMode mode) { return kModeNames[static_cast<std::size_t>(mode)]; }

void change(Pipeline& pipeline, const PipelineChanges& changes) {
  const auto part = [](const char* name, const auto& work) {
    with_context([&] { return fmt::format("{}", name); }, work);
  };
  if (changes.empty()) return;
  Given given{!changes.resize.empty(), false, !changes.mode.empty(), !changes.crop.empty()};
  if (given.mode) part("resize mode", [&] { pipeline.mode = resize_mode(changes.mode); });
  if (given.crop) part("crop", [&] { pipeline.crop = size(parse_size(changes.crop)); });
  if (changes.pad) part("pad", [&] { pipeline.pad = pad(*changes.pad); });
  if (given.resize) {
    part("resize", [&] {
      const json resize = parse_size(changes.resize);
      given.two_sides = resize.is_array();
      pipeline.resize = size(resize);
    });
  }
  complete(pipeline, given);
  const Size resize = pipeline.resize, crop = pipeline.crop;
  if (given.resize && !given.crop && pipeline.mode == ResizeMode::crop && !resize.empty() &&
      (resize.height < crop.height || resize.width < crop.width)) {
    throw Error(fmt::format(
        "resize: a short side of {} is less than the crop of {}; pass --crop as well, or --resize {}x{} to "
        "stretch",
        text_of(resize), text_of(crop), resize.height, resize.width));
  }
  if (changes.channels == 0) return;
  pipeline.channels = changes.channels;
  if (pipeline.channels == 1) require_one_channel(pipeline);
}

Pipeline pipeline(const std::string& preset_or_file) {
  if (const Pipeline* preset = find_preset(preset_or_file)) return *preset;
  std::error_code ignored;
  if (!std::filesystem::exists(preset_or_file, ignored)) {
    throw Error(fmt::format(
        "'{}' is neither a file nor a preset for preprocessing: expected one of {}, or a JSON file{}",
        preset_or_file, preset_names(), did_you_mean_preset(preset_or_file)));
  }
  const MappedFile file(preset_or_file);
  if (file.size() > kMaxFileBytes) {
    throw Error(fmt::format("'{}' has {} bytes, too many for a description of preprocessing", preset_or_file,
                            file.size()));
  }
  return with_context(
      [&] { return fmt::format("'{}'", preset_or_file); },
      [&] {
        Pipeline result = from_json({reinterpret_cast<const char*>(file.data()), file.size()});
        result.name = preset_or_file;
        return result;
      });
}

Pipeline pipeline_from_text(const std::string& text, const std::string& source) {
  return with_context([&] { return source; },
                      [&] {
                        const std::size_t begin = text.find_first_not_of(" \t\r\n");
                        if (begin == std::string::npos)
                          throw Error("empty: expected a preset's name or JSON");
                        const std::size_t end = text.find_last_not_of(" \t\r\n") + 1;
                        if (text[begin] != '{') return require_preset(text.substr(begin, end - begin));
                        Pipeline result = from_json(text);
                        result.name = source;
                        return result;
                      });
}

}  // namespace godwit::image
