// Outputs that are images or maps of classes, as pixels.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/image/write_png.h"
#include "runtime/tensor.h"

namespace godwit::vision {

// The meaning of a tensor's values. automatic: channels of 1 or 3 real numbers or bytes are an image, all
// else is a map of classes.
enum class OutputKind : std::uint8_t { automatic, image, classes };
// The real numbers from black to white. automatic: 0 to 1 where none is above 2, else 0 to 255; refused where
// one is far below 0.
enum class OutputRange : std::uint8_t { automatic, unit, symmetric, bytes };

// The axis of channels. automatic: of an image that of 1 or 3; of classes that of 1, else the one that
// differs from two equal sides, else the shorter one; the first of equals.
enum class OutputChannels : std::uint8_t { automatic, first, last };

struct OutputReading {
  OutputKind kind = OutputKind::automatic;
  OutputRange range = OutputRange::automatic;
  OutputChannels channels = OutputChannels::automatic;
};

struct OutputImage {
  image::PngPixels pixels = {};  // classes: with a palette
  OutputKind kind = OutputKind::image;
  OutputRange range = OutputRange::bytes;  // of an image
  int classes = 0;                         // of a map
  std::string told = {};                   // "1x3x8x8 f32 from 0.1 to 0.9 as an image, 0 to 1"
};

// Takes (C, H, W) or (H, W, C) with at most a 1 in front, or (H, W). The class of a pixel is the channel of
// its largest element, or, where there is one channel, a whole number from 0 to 255. Throws Error for a
// tensor that is no image, and for NaN.
OutputImage output_image(const Tensor& tensor, const OutputReading& reading = {});

}  // namespace godwit::vision
