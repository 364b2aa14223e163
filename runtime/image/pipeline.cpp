// The presets, and pipelines read from JSON with every key and value checked.
#include "runtime/image/pipeline.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <limits>
#include <nlohmann/json.hpp>

#include "runtime/error.h"
#include "runtime/memory.h"
#include "runtime/nearest_name.h"

namespace godwit::image {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxFileBytes = 1U << 20;
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

int side(const json& value) {
  if (!value.is_number_integer() || value < 0 || value > kMaxSide) {
    throw Error(fmt::format("{} is not a whole number from 0 to {}", shown(value), kMaxSide));
  }
  return value.get<int>();
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
    pipeline.resize = side(value);
  } else if (key == "crop") {
    pipeline.crop = side(value);
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
        "unknown key: expected resize, crop, filter, channels, depth, order, scale, mean, std or preset");
  }
}

// A preset's three channels hold for one channel only where they are alike.
void require_one_channel(const Pipeline& pipeline) {
  const auto alike = [](const std::array<float, 3>& values) {
    return values[0] == values[1] && values[1] == values[2];
  };
  if (!alike(pipeline.mean) || !alike(pipeline.stddev))
    throw Error(
        "key 'channels': the preset has a mean and std for each of 3 channels; pass mean and std of 1 "
        "number");
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

Pipeline from_json(const std::string& text) {
  const json document = json::parse(text, nullptr, false);
  if (document.is_discarded()) throw Error("not valid JSON");
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
