// Results drawn over photographs: boxes with captions, classes in colours.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "runtime/image/image.h"
#include "runtime/image/write_png.h"
#include "tools/vision/detection.h"

namespace godwit::vision {

// Draws the outline of each box in the colour of its class, as thick as the image is large, and its caption
// on a strip above it, or inside where there is no room. Captions are one for each box; letters of ASCII, all
// else as '?'.
void draw_boxes(image::Image& image, std::span<const Detection> boxes, std::span<const std::string> captions);

// The classes of `map` (places in its palette) over the image, half of each, black (class 0) left out. Each
// pixel takes the class of the nearest of the map's, which covers columns [left, right) and rows [top,
// bottom) of the image, in pixels.
struct MapArea {
  double left = 0, top = 0, right = 0, bottom = 0;
};
void draw_classes(image::Image& image, const image::PngPixels& map, const MapArea& area);

// The image as pixels of a PNG file.
image::PngPixels png_pixels(const image::Image& image);

}  // namespace godwit::vision
