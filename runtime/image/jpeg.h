// JPEG decoding by libjpeg-turbo, to the pixels that Pillow gives, of no more of the image than is asked
// for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "runtime/image/image.h"
#include "runtime/image/rows.h"

namespace godwit::image {

// True when the bytes begin as every JPEG does.
bool looks_like_jpeg(std::span<const std::byte> bytes);

// A JPEG file, decoded row by row. Only the blocks that the selected region needs are transformed, upsampled
// and converted. A margin keeps every pixel what a full decode makes of it. Nothing behind the last row is
// decoded, though the file's end must be there. Samplings that libjpeg-turbo cannot cut exactly
// (partial_is_exact) are decoded whole.
//
// All functions throw Error: damaged beyond what the decoder mends, truncated (as Pillow, which refuses a
// file without its end), unsupported, past a limit. What the decoder mends is in warnings().
class JpegRows : public Rows {
 public:
  // Reads the header. `bytes` outlive the object.
  JpegRows(std::span<const std::byte> bytes, const DecodeLimits& limits);
  ~JpegRows() override;

  int width() const override;
  int height() const override;
  SampleFormat stored() const override;
  // In the transform itself: fast, and not what Pillow's resize of the full image gives.
  void shrink(int denominator) override;
  Region select(const Region& wanted) override;
  void read(std::uint8_t* dst) override;
  void read_stored(std::uint16_t* dst) override;
  void finish() override;

  // False: select() gives whole rows and decodes those above the region as well.
  bool partial_is_exact() const;
  // Faults that the decoder mended, each kind once, and the byte near which it first did.
  std::vector<std::string> warnings() const override;

  class Decoder;

 private:
  std::unique_ptr<Decoder> decoder_;
  int columns_ = 0;  // of the region
  std::vector<std::uint8_t> row_;
};

// Decodes a whole JPEG file. Throws Error as JpegRows; the decoder's warnings are not errors.
Image decode_jpeg(std::span<const std::byte> bytes, const DecodeLimits& limits);

// Decodes a whole JPEG file with nothing around libjpeg-turbo: what preprocessing is measured against. The
// RGB pixels (CMYK for inks) lie in `pixels`, whose memory is used again. Throws Error as JpegRows.
void decode_jpeg_bare(std::span<const std::byte> bytes, const DecodeLimits& limits,
                      std::vector<std::uint8_t>& pixels);

}  // namespace godwit::image
