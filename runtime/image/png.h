// PNG decoding by libspng, to the 8-bit RGB pixels that Pillow's convert("RGB") gives.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "runtime/image/image.h"
#include "runtime/image/rows.h"

struct spng_ctx;

namespace godwit::image {

// True when the bytes begin with PNG's signature.
bool looks_like_png(std::span<const std::byte> bytes);

// A PNG file, decoded whole by select(). As 8 bits, samples of 16 keep their high byte in RGB, RGBA and
// gray-alpha, and are cut off at 255 in gray: Pillow takes such an image for integers and clips them, which
// leaves most of them white. All functions throw Error: damaged or truncated, past a limit.
class PngRows : public Rows {
 public:
  // Reads the header. `bytes` outlive the object.
  PngRows(std::span<const std::byte> bytes, const DecodeLimits& limits);
  ~PngRows() override;

  int width() const override { return width_; }
  int height() const override { return height_; }
  SampleFormat stored() const override { return stored_; }
  Region select(const Region& wanted) override;
  void read(std::uint8_t* dst) override;
  void read_stored(std::uint16_t* dst) override;

 private:
  template <class T>
  const T* row(const std::vector<T>& pixels, int samples);

  std::unique_ptr<spng_ctx, void (*)(spng_ctx*)> context_;
  int width_ = 0, height_ = 0;
  SampleFormat stored_;
  int samples_ = 3;                  // of a pixel in `wide_`, alpha included
  std::vector<std::uint8_t> bytes_;  // (height, width, 3): samples of up to 8 bits
  std::vector<std::uint16_t> wide_;  // (height, width, samples): those of 16
  Region region_;
  int next_ = 0;
};

// Decodes a whole PNG file. Throws Error as PngRows.
Image decode_png(std::span<const std::byte> bytes, const DecodeLimits& limits);

}  // namespace godwit::image
