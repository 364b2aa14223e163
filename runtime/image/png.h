// PNG decoding to the 8-bit RGB pixels that Pillow's convert("RGB") gives.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "runtime/image/depth.h"
#include "runtime/image/image.h"
#include "runtime/image/png_chunks.h"
#include "runtime/image/rows.h"

namespace godwit::image {

// True when the bytes begin with PNG's signature.
bool looks_like_png(std::span<const std::byte> bytes);

// A PNG file, decoded whole by select(). What Pillow lets pass is let pass and told in warnings(): pixels
// that end early, palette indices without a colour, wrong checksums of pixels. As 8 bits, samples of 16 keep
// their high byte in RGB, RGBA and gray-alpha, and are cut off at 255 in gray, unless set_depth() says
// otherwise. All functions throw Error: damaged or truncated, past a limit.
class PngRows : public Rows {
 public:
  // Reads up to the pixels. `bytes` outlive the object.
  PngRows(std::span<const std::byte> bytes, const DecodeLimits& limits);
  ~PngRows() override;

  int width() const override { return width_; }
  int height() const override { return height_; }
  SampleFormat stored() const override;
  void set_depth(Depth depth) override { depth_ = depth; }
  Region select(const Region& wanted) override;
  void read(std::uint8_t* dst) override;
  void read_stored(std::uint16_t* dst) override;
  std::vector<std::string> warnings() const override;

 private:
  class Inflater;
  void decode();
  void decode_interlaced(Inflater& inflater);
  const std::uint8_t* next_row();
  std::uint16_t largest_sample() const;
  void read_wide(const std::uint8_t* row, std::uint8_t* dst);

  PngChunks chunks_;
  int width_ = 0, height_ = 0;
  Depth depth_ = Depth::pillow;
  int bits_ = 0;               // of a sample that become 0 to 255; 0: Pillow's way
  std::size_t row_bytes_ = 0;  // of the whole image
  // Samples as PNG packs them. (rows that are there, row_bytes_)
  std::vector<std::uint8_t> rows_;
  std::vector<std::uint8_t> empty_row_;  // stands for those that are missing
  int missing_rows_ = 0;
  bool is_cut_short_ = false;
  Region region_;
  int next_ = 0;
  // Findings in the pixels read.
  bool has_strange_index_ = false;
  std::uint64_t samples_read_ = 0, samples_above_ = 0;
  std::uint16_t largest_read_ = 0;
};

// Decodes a whole PNG file. Throws Error as PngRows.
Image decode_png(std::span<const std::byte> bytes, const DecodeLimits& limits);

}  // namespace godwit::image
