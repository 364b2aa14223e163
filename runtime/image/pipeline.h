// The way from an image to a network's input, as data: presets, and descriptions in JSON.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "runtime/cpu.h"
#include "runtime/image/depth.h"
#include "runtime/image/image.h"

namespace godwit::image {

// Bilinear and bicubic are stretched by the scale when shrinking ("antialiased"), as Pillow's are; nearest
// takes one pixel.
enum class Filter : std::uint8_t { bilinear, bicubic, nearest };

std::string_view name_of(Filter filter);

// crop: images keep their ratio and cover Pipeline::resize, sides rounded down, as torchvision's Resize of a
// short side. keep_ratio: they keep it and fit into that, as in Pillow's ImageOps.contain (a letterbox).
// stretch: exactly that, as Pillow's resize.
enum class ResizeMode : std::uint8_t { crop, keep_ratio, stretch };

std::string_view name_of(ResizeMode mode);  // "crop", "keep-ratio", "stretch"

enum class ChannelOrder : std::uint8_t { rgb, bgr };

// An image of `channels` channels: three colours, or the gray that Pillow's convert("L") makes of them.
// dst = (pixel * scale - mean[c]) / stddev[c], c in the order of the network's channels; the product, the
// difference and the quotient are each rounded to float. With scale 1/255 as a double the product is bit for
// bit pixel / 255.
struct Pipeline {
  std::string name;   // preset's name or the JSON file's path
  Size resize = 256;  // empty: no resize
  ResizeMode mode = ResizeMode::crop;
  Size crop = 224;       // centre crop, by which the tensor has its size; empty: none
  std::uint8_t pad = 0;  // pixels of the crop outside of the image, before normalising
  int channels = 3;      // or 1
  Filter filter = Filter::bilinear;
  ChannelOrder order = ChannelOrder::rgb;
  Depth depth = Depth::pillow;
  double scale = 1.0;
  std::array<float, 3> mean{0, 0, 0};
  std::array<float, 3> stddev{1, 1, 1};

  // Elements of the tensor of one image.
  std::size_t elements() const {
    return static_cast<std::size_t>(channels) * static_cast<std::size_t>(crop.height) *
           static_cast<std::size_t>(crop.width);
  }
};

struct Preset {
  std::string_view name;
  std::string_view sentence;
};
// torch, torch-v2, caffe, tf.
std::span<const Preset> presets();

// Makes a pipeline of a preset's name or the path of a JSON file. Its keys are any of resize and crop (a
// number, or [height, width]), resize_mode, pad, filter, channels, order ("rgb"/"bgr"), scale, mean, std,
// depth
// ("pillow", "scale" or 8 to 16), and optionally "preset" as a base. A resize of two numbers stretches where
// no mode is given. The crop is the resize where none is given, but for a short side. Throws Error naming the
// known presets, or file and key.
Pipeline pipeline(const std::string& preset_or_file);
// Makes a pipeline of JSON text or a preset's name, as the metadata entry godwit.preprocess holds it.
// `source` names it in errors.
Pipeline pipeline_from_text(const std::string& text, const std::string& source);

// The depth of this name or number of bits; nullopt for any other.
std::optional<Depth> parse_depth(std::string_view text);

// Parts of a pipeline as options say them: sizes are "256" or "192x320" (height x width); what is empty
// stays.
struct PipelineChanges {
  std::string resize, mode, crop;
  std::optional<int> pad = {};
  int channels = 0;  // 0: as it is

  bool empty() const {
    return resize.empty() && mode.empty() && crop.empty() && !pad.has_value() && channels == 0;
  }
};
// Makes the changes, by the rules of the JSON. Throws Error naming the option, also for a short side that is
// smaller than a crop which nobody asked for.
void change(Pipeline& pipeline, const PipelineChanges& changes);

// A way from an image to a model's input, as somebody asks for it.
struct PreprocessChoice {
  PreprocessChoice() = default;
  PreprocessChoice(std::string text) : preset_or_file(std::move(text)) {}
  PreprocessChoice(const char* text) : preset_or_file(text) {}

  std::string preset_or_file;  // empty: the model's own
  PipelineChanges changes;     // to that

  bool empty() const { return preset_or_file.empty() && changes.empty(); }
};

// The whole pipeline as JSON text that pipeline_from_text() reads.
std::string text_of(const Pipeline& pipeline);
// "224x224 out of short side 256, bilinear": where the pixels come from, for people.
std::string size_sentence(const Pipeline& pipeline);
// "RGB / 255, minus 0.485 0.456 0.406, divided by 0.229 0.224 0.225": what becomes of them.
std::string value_sentence(const Pipeline& pipeline);
// "256", or "192x320" (height x width).
std::string text_of(Size size);

struct PreprocessOptions {
  DecodeLimits limits = {};
  bool exif = false;  // turn images upright as their EXIF metadata say; torchvision does not
  // JPEG decoded at 1/2, 1/4 or 1/8 of its size where that still is no smaller than the resized image:
  // faster, and other pixels than Pillow's.
  bool fast = false;
  std::optional<Depth> depth = {};  // in place of the pipeline's
  Isa isa = best_isa();             // at most; results do not depend on it
};

}  // namespace godwit::image
