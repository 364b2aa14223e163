// From a picture to the tensor a network was trained on: resize, centre crop, normalise, as data.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/image/image.h"
#include "runtime/tensor.h"

namespace godwit::image {

enum class ChannelOrder : std::uint8_t { rgb, bgr };

// dst = (pixel * scale - mean[c]) / stddev[c], c in the order of the network's channels; the product, the
// difference and the quotient are each rounded to float. With scale 1/255 as a double the product is bit for
// bit pixel / 255.
struct Pipeline {
  std::string name;  // preset's name or the JSON file's path
  int resize = 256;  // short side; 0: no resize
  int crop = 224;    // centre crop; 0: none
  ChannelOrder order = ChannelOrder::rgb;
  double scale = 1.0;
  std::array<float, 3> mean{0, 0, 0};
  std::array<float, 3> stddev{1, 1, 1};
};

struct Preset {
  std::string_view name;
  std::string_view sentence;
};
// torch, torch-v2, caffe, tf.
std::span<const Preset> presets();

// A preset's name or the path of a JSON file with any of the keys resize, crop, order ("rgb"/"bgr"), scale,
// mean, std and optionally "preset" as a base. Throws Error naming the known presets, or file and key.
Pipeline pipeline(const std::string& preset_or_file);
// As above from JSON text or a bare preset name, for the metadata entry godwit.preprocess; `source` names it
// in errors.
Pipeline pipeline_from_text(const std::string& text, const std::string& source);

// What torchvision's Resize(size) + CenterCrop(size) do to a Pillow image, to the last bit: long side
// int(short·long/short), triangle filter stretched by the scale, 22-bit fixed-point weights, horizontal pass
// first, uint8 between passes, crop offset round-half-even((side − crop) / 2); a picture smaller than the
// crop is padded with 0. The result is crop × crop (or the resized picture when crop is 0).
Image resize_and_crop(const Image& image, int resize, int crop);

// Writes one picture's tensor (3 channels of the pipeline's crop size) to dst in the given layout.
// dst: (3, H, W) for nchw, (H, W, 3) for nhwc.
void normalize(const Image& image, const Pipeline& pipeline, Layout layout, std::span<float> dst);

// Decode, resize, crop, normalise: a file into its slot of a batch.
void preprocess_file(const std::string& path, const Pipeline& pipeline, Layout layout, std::span<float> dst);

}  // namespace godwit::image
