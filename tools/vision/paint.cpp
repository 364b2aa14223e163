// Pixels of outlines, captions and maps. Letters are 5 pixels wide and 7 high.
#include "tools/vision/paint.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

namespace godwit::vision {
namespace {

using Color = std::array<std::uint8_t, 3>;

constexpr int kGlyphWidth = 5, kGlyphHeight = 7, kAdvance = kGlyphWidth + 1;
constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,:%+-_/()'?";
// Rows of each letter from the top, a bit for each pixel, the highest leftmost.
constexpr std::array<std::array<std::uint8_t, kGlyphHeight>, kLetters.size()> kGlyphs = {{
    {4, 10, 17, 17, 31, 17, 17},  {30, 17, 17, 30, 17, 17, 30}, {14, 17, 16, 16, 16, 17, 14},
    {28, 18, 17, 17, 17, 18, 28}, {31, 16, 16, 30, 16, 16, 31}, {31, 16, 16, 30, 16, 16, 16},
    {14, 17, 16, 19, 17, 17, 15}, {17, 17, 17, 31, 17, 17, 17}, {14, 4, 4, 4, 4, 4, 14},
    {7, 2, 2, 2, 2, 18, 12},      {17, 18, 20, 24, 20, 18, 17}, {16, 16, 16, 16, 16, 16, 31},
    {17, 27, 21, 21, 17, 17, 17}, {17, 25, 25, 21, 19, 19, 17}, {14, 17, 17, 17, 17, 17, 14},
    {30, 17, 17, 30, 16, 16, 16}, {14, 17, 17, 17, 21, 18, 13}, {30, 17, 17, 30, 20, 18, 17},
    {15, 16, 16, 14, 1, 1, 30},   {31, 4, 4, 4, 4, 4, 4},       {17, 17, 17, 17, 17, 17, 14},
    {17, 17, 17, 10, 10, 4, 4},   {17, 17, 17, 21, 21, 27, 17}, {17, 17, 10, 4, 10, 17, 17},
    {17, 17, 10, 4, 4, 4, 4},     {31, 1, 2, 4, 8, 16, 31},     {14, 17, 19, 21, 25, 17, 14},
    {4, 12, 4, 4, 4, 4, 14},      {14, 17, 1, 6, 8, 16, 31},    {30, 1, 1, 14, 1, 1, 30},
    {2, 6, 10, 18, 31, 2, 2},     {31, 16, 30, 1, 1, 17, 14},   {6, 8, 16, 30, 17, 17, 14},
    {31, 1, 2, 2, 4, 4, 4},       {14, 17, 17, 14, 17, 17, 14}, {14, 17, 17, 15, 1, 2, 12},
    {0, 0, 0, 0, 0, 12, 12},      {0, 0, 0, 0, 12, 4, 8},       {0, 12, 12, 0, 12, 12, 0},
    {24, 25, 2, 4, 8, 19, 3},     {0, 4, 4, 31, 4, 4, 0},       {0, 0, 0, 31, 0, 0, 0},
    {0, 0, 0, 0, 0, 0, 31},       {1, 1, 2, 4, 8, 16, 16},      {2, 4, 8, 8, 8, 4, 2},
    {8, 4, 2, 2, 2, 4, 8},        {4, 4, 8, 0, 0, 0, 0},        {14, 17, 1, 6, 4, 0, 4},
}};

struct Box {
  int left, top, right, bottom;
};

// Fills what lies inside of the image.
void fill(image::Image& image, const Box& box, const Color& color) {
  const int left = std::max(0, box.left), right = std::min(image.width, box.right);
  for (int y = std::max(0, box.top); y < std::min(image.height, box.bottom); ++y) {
    for (int x = left; x < right; ++x) {
      const auto place = 3 * (static_cast<std::size_t>(y) * static_cast<std::size_t>(image.width) +
                              static_cast<std::size_t>(x));
      std::ranges::copy(color, image.pixels.begin() + static_cast<std::ptrdiff_t>(place));
    }
  }
}

// Letters that a caption has; bytes of a character that is none of ASCII are one '?'.
std::string shown(std::string_view caption) {
  std::string text;
  for (const char c : caption) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xC0U) == 0x80U) continue;  // inside a character of UTF-8
    const char upper = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    text += upper == ' ' || kLetters.find(upper) != std::string_view::npos ? upper : '?';
  }
  return text;
}

void write(image::Image& image, std::string_view text, int left, int top, int scale, const Color& color) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::size_t letter = kLetters.find(text[i]);
    if (letter == std::string_view::npos) continue;
    for (int y = 0; y < kGlyphHeight; ++y) {
      for (int x = 0; x < kGlyphWidth; ++x) {
        if ((kGlyphs[letter][static_cast<std::size_t>(y)] >> (kGlyphWidth - 1 - x) & 1) == 0) continue;
        const int at = left + (static_cast<int>(i) * kAdvance + x) * scale;
        fill(image, {at, top + y * scale, at + scale, top + (y + 1) * scale}, color);
      }
    }
  }
}

// Black on bright colours, white on dark ones, by their luma.
Color readable_on(const Color& color) {
  const int luma = (299 * color[0] + 587 * color[1] + 114 * color[2]) / 1000;
  return luma > 127 ? Color{0, 0, 0} : Color{255, 255, 255};
}

int pixel(float value, int most) {
  return static_cast<int>(std::lround(std::clamp(value, 0.0F, static_cast<float>(most))));
}

}  // namespace

void draw_boxes(image::Image& image, std::span<const Detection> boxes,
                std::span<const std::string> captions) {
  constexpr int kColors = 256, kThinnest = 400;
  // Class 0 would be black, which is the palette's colour of no class.
  const std::vector<Color> palette = image::class_palette(kColors);
  const int thick = std::max(1, std::min(image.width, image.height) / kThinnest);
  const int scale = thick + 1, margin = scale;
  // The best come last, so that they lie on top.
  for (std::size_t i = boxes.size(); i-- > 0;) {
    const Detection& box = boxes[i];
    const auto place = static_cast<std::size_t>(1 + std::max<std::int64_t>(0, box.label) % (kColors - 1));
    const Color& color = palette[place];
    const int left = pixel(box.left, image.width), right = pixel(box.right, image.width);
    const int top = pixel(box.top, image.height), bottom = pixel(box.bottom, image.height);
    fill(image, {left, top, right, top + thick}, color);
    fill(image, {left, bottom - thick, right, bottom}, color);
    fill(image, {left, top, left + thick, bottom}, color);
    fill(image, {right - thick, top, right, bottom}, color);
    const std::string text = shown(captions[i]);
    const int height = kGlyphHeight * scale + 2 * margin;
    const int width = static_cast<int>(text.size()) * kAdvance * scale + 2 * margin;
    const int strip = top >= height ? top - height : top;
    const int begin = std::max(0, std::min(left, image.width - width));
    fill(image, {begin, strip, begin + width, strip + height}, color);
    write(image, text, begin + margin, strip + margin, scale, readable_on(color));
  }
}

void draw_classes(image::Image& image, const image::PngPixels& map, const MapArea& area) {
  const auto place = [](int at, double begin, double end, int count) {
    const double relative = (at + 0.5 - begin) / (end - begin) * count;
    return relative < 0 || relative >= count ? -1 : static_cast<int>(relative);
  };
  for (int y = 0; y < image.height; ++y) {
    const int row = place(y, area.top, area.bottom, map.height);
    if (row < 0) continue;
    for (int x = 0; x < image.width; ++x) {
      const int column = place(x, area.left, area.right, map.width);
      if (column < 0) continue;
      const std::uint8_t label =
          map.values[static_cast<std::size_t>(row) * static_cast<std::size_t>(map.width) +
                     static_cast<std::size_t>(column)];
      if (label == 0) continue;
      std::uint8_t* rgb =
          &image.pixels[3 * (static_cast<std::size_t>(y) * static_cast<std::size_t>(image.width) +
                             static_cast<std::size_t>(x))];
      for (std::size_t c = 0; c < 3; ++c)
        rgb[c] = static_cast<std::uint8_t>((rgb[c] + map.palette[label][c]) / 2);
    }
  }
}

image::PngPixels png_pixels(const image::Image& image) {
  image::PngPixels pixels;
  pixels.width = image.width;
  pixels.height = image.height;
  pixels.values = image.pixels;
  return pixels;
}

}  // namespace godwit::vision
