// An image as rows from top to bottom, made as they are asked for: what the decoders are to the resizer.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "runtime/image/depth.h"
#include "runtime/image/image.h"

namespace godwit::image {

// Columns [left, right) of the rows [top, bottom).
struct Region {
  int left = 0, top = 0, right = 0, bottom = 0;

  int width() const { return right - left; }
  int height() const { return bottom - top; }
};

// The samples that are stored of a pixel.
struct SampleFormat {
  int channels = 3;  // 1: gray, 3: colour; alpha does not count
  int bits = 8;      // of a sample: 8 or 16
};

class Rows {
 public:
  Rows() = default;
  virtual ~Rows() = default;
  Rows(const Rows&) = delete;
  Rows& operator=(const Rows&) = delete;

  // Size of the whole image.
  virtual int width() const = 0;
  virtual int height() const = 0;
  virtual SampleFormat stored() const { return {}; }
  // Asks for 1/denominator of the size (2, 4, 8), before select(); width() and height() follow where the
  // format can do so in decoding.
  virtual void shrink(int denominator) { (void)denominator; }
  // Says how samples of 16 bits become bytes in read(), before select().
  virtual void set_depth(Depth depth) { (void)depth; }
  // Says what will be read; called once. The columns given back hold those asked for and may be more. The
  // rows are as asked.
  virtual Region select(const Region& wanted) = 0;
  // The next row of the region. dst: (columns given back, 4): R, G, B and one byte of any value.
  virtual void read(std::uint8_t* dst) = 0;
  // The next row in full depth instead. dst: (columns given back, stored().channels).
  virtual void read_stored(std::uint16_t* dst) = 0;
  // To be called after the last row: looks whether what follows is whole.
  virtual void finish() {}
  // Faults that the decoder mended, and what of the image its bytes do not show; empty where there is nothing
  // to tell.
  virtual std::vector<std::string> warnings() const { return {}; }
};

// Rows of pixels that are there already; `image` outlives it.
class ImageRows : public Rows {
 public:
  explicit ImageRows(const Image& image) : image_(image) {}
  int width() const override { return image_.width; }
  int height() const override { return image_.height; }
  Region select(const Region& wanted) override {
    region_ = wanted;
    next_ = wanted.top;
    return wanted;
  }
  void read(std::uint8_t* dst) override {
    const std::uint8_t* src = row();
    const int columns = region_.width();
    for (int x = 0; x < columns; ++x) {
      for (int c = 0; c < 3; ++c) dst[4 * x + c] = src[3 * x + c];
      dst[4 * x + 3] = 0;
    }
  }
  void read_stored(std::uint16_t* dst) override {
    const std::uint8_t* src = row();
    std::copy_n(src, 3 * region_.width(), dst);
  }

 private:
  const std::uint8_t* row() {
    const auto width = static_cast<std::size_t>(image_.width), left = static_cast<std::size_t>(region_.left);
    return image_.pixels.data() + (static_cast<std::size_t>(next_++) * width + left) * 3;
  }

  const Image& image_;
  Region region_;
  int next_ = 0;
};

// The whole image.
Image read_all(Rows& rows);

}  // namespace godwit::image
