// Colour to gray as Pillow's convert("L") does it.
#pragma once

#include <cstdint>

#include "runtime/image/rows.h"

namespace godwit::image {

// ITU-R 601-2 luma in 16 bits of fraction, as Pillow has it: 0.299 R + 0.587 G + 0.114 B, rounded. Gray stays
// what it is.
constexpr std::uint8_t luma(std::uint32_t red, std::uint32_t green, std::uint32_t blue) {
  return static_cast<std::uint8_t>((19595 * red + 38470 * green + 7471 * blue + 0x8000) >> 16);
}

// Other rows with all colours replaced by their luma; `rows` outlives it.
class GrayRows : public Rows {
 public:
  explicit GrayRows(Rows& rows) : rows_(rows) {}
  int width() const override { return rows_.width(); }
  int height() const override { return rows_.height(); }
  Region select(const Region& wanted) override {
    const Region given = rows_.select(wanted);
    columns_ = given.width();
    return given;
  }
  void read(std::uint8_t* dst) override {
    rows_.read(dst);
    for (std::uint8_t* pixel = dst; pixel != dst + 4 * static_cast<std::ptrdiff_t>(columns_); pixel += 4)
      pixel[0] = pixel[1] = pixel[2] = luma(pixel[0], pixel[1], pixel[2]);
  }
  void read_stored(std::uint16_t* dst) override { rows_.read_stored(dst); }
  SampleFormat stored() const override { return rows_.stored(); }
  void finish() override { rows_.finish(); }

 private:
  Rows& rows_;
  int columns_ = 0;  // of the region
};

}  // namespace godwit::image
