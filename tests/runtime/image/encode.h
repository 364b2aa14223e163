// Images made by the tests themselves, encoded by libjpeg and libspng in every way that the decoders must
// read.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace godwit::test {

using Bytes = std::vector<unsigned char>;

// Smooth waves with some noise, `channels` bytes a pixel; the same on every machine.
Bytes image(int width, int height, int channels, std::uint64_t seed = 1);

enum class JpegColors { gray, ycc, rgb, cmyk, ycck };

struct JpegOptions {
  JpegColors colors = JpegColors::ycc;
  int quality = 90;
  int horizontal = 2, vertical = 2;  // chroma subsampling
  bool progressive = false;
  bool one_scan_per_coefficient = false;  // 190 scans
  bool adobe_marker = true;               // where libjpeg would write one
  int restart_rows = 0;
  bool arithmetic = false;  // coding in place of Huffman's
};
Bytes encode_jpeg(int width, int height, const JpegOptions& options = {});

// A gray progressive JPEG of 16x16 pixels that is stored `scans` times over: decoders take each scan as one
// more improvement of the image.
Bytes jpeg_of_scans(int scans);

// color_type and bit_depth as PNG numbers them. A palette has 2^bit_depth entries, as many of them
// transparent as `transparent` says.
struct PngOptions {
  int color_type = 2;
  int bit_depth = 8;
  bool interlaced = false;
  int transparent = 0;
  bool dark = false;  // the high byte of every sample of 16 bits is 0 or 1
};
Bytes encode_png(int width, int height, const PngOptions& options = {});

// EXIF metadata with this orientation alone, and a JPEG or PNG with such metadata put in.
Bytes exif(int orientation, bool big_endian);
Bytes with_jpeg_exif(const Bytes& jpeg, const Bytes& exif);
Bytes with_png_exif(const Bytes& png, const Bytes& exif);

// One PNG chunk with its checksum.
Bytes png_chunk(const std::string& type, const Bytes& data);

}  // namespace godwit::test
