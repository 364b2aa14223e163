// The encoders' side of the decoder tests.
#include "tests/runtime/image/encode.h"

#include <cmath>
#include <cstdio>  // jpeglib.h needs FILE
#include <cstdlib>
#include <initializer_list>
#include <jpeglib.h>
#include <spng.h>
#include <stdexcept>

#include "tests/support/random.h"

namespace godwit::test {
namespace {

J_COLOR_SPACE stored_as(JpegColors colors) {
  switch (colors) {
    case JpegColors::gray:
      return JCS_GRAYSCALE;
    case JpegColors::ycc:
      return JCS_YCbCr;
    case JpegColors::rgb:
      return JCS_RGB;
    case JpegColors::cmyk:
      return JCS_CMYK;
    case JpegColors::ycck:
      return JCS_YCCK;
  }
  return JCS_UNKNOWN;
}

// DC of all components together, then every AC coefficient of every component alone.
std::vector<jpeg_scan_info> scan_per_coefficient() {
  std::vector<jpeg_scan_info> scans{{3, {0, 1, 2, 0}, 0, 0, 0, 0}};
  for (int k = 1; k < 64; ++k) {
    for (int component = 0; component < 3; ++component)
      scans.push_back({1, {component, 0, 0, 0}, k, k, 0, 0});
  }
  return scans;
}

void check(int status) {
  if (status != 0) throw std::runtime_error(std::string("libspng: ") + spng_strerror(status));
}

std::uint32_t crc32(const Bytes& bytes) {
  std::uint32_t crc = 0xffffffffU;
  for (const unsigned char byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1U) != 0 ? 0xedb88320U : 0U);
  }
  return ~crc;
}

void append_u32(Bytes& bytes, std::size_t value) {
  for (const int shift : {24, 16, 8, 0}) bytes.push_back(static_cast<unsigned char>(value >> shift));
}

Bytes with_bytes_at(const Bytes& bytes, std::size_t at, const Bytes& more) {
  Bytes result;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i == at) {
      for (const unsigned char byte : more) result.push_back(byte);
    }
    result.push_back(bytes[i]);
  }
  return result;
}

}  // namespace

Bytes image(int width, int height, int channels, std::uint64_t seed) {
  support::Random random(seed);
  Bytes pixels;
  pixels.reserve(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) *
                 static_cast<std::size_t>(channels));
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (int c = 0; c < channels; ++c) {
        const double wave =
            128 + 110 * std::sin(0.07 * x * (c + 1) + 0.11 * y) * std::cos(0.05 * y * (c + 1));
        pixels.push_back(static_cast<unsigned char>(wave + random.uniform(-16, 16)));
      }
    }
  }
  return pixels;
}

Bytes encode_jpeg(int width, int height, const JpegOptions& options) {
  jpeg_compress_struct info{};
  jpeg_error_mgr errors{};
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  unsigned char* buffer = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&info, &buffer, &size);

  const bool gray = options.colors == JpegColors::gray;
  const bool inks = options.colors == JpegColors::cmyk || options.colors == JpegColors::ycck;
  info.image_width = static_cast<JDIMENSION>(width);
  info.image_height = static_cast<JDIMENSION>(height);
  info.input_components = gray ? 1 : inks ? 4 : 3;
  info.in_color_space = gray ? JCS_GRAYSCALE : inks ? JCS_CMYK : JCS_RGB;
  jpeg_set_defaults(&info);
  jpeg_set_colorspace(&info, stored_as(options.colors));
  jpeg_set_quality(&info, options.quality, TRUE);
  if (!gray) {
    info.comp_info[0].h_samp_factor = options.horizontal;
    info.comp_info[0].v_samp_factor = options.vertical;
  }
  if (!options.adobe_marker) info.write_Adobe_marker = FALSE;
  info.restart_in_rows = options.restart_rows;
  info.arith_code = options.arithmetic ? TRUE : FALSE;
  if (options.progressive) jpeg_simple_progression(&info);
  const std::vector<jpeg_scan_info> scans = scan_per_coefficient();
  if (options.one_scan_per_coefficient) {
    info.scan_info = scans.data();
    info.num_scans = static_cast<int>(scans.size());
  }

  Bytes pixels = image(width, height, info.input_components);
  jpeg_start_compress(&info, TRUE);
  while (info.next_scanline < info.image_height) {
    JSAMPROW row = pixels.data() +
                   std::size_t{info.next_scanline} * static_cast<std::size_t>(width * info.input_components);
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
  jpeg_destroy_compress(&info);
  Bytes result(buffer, buffer + size);
  std::free(buffer);
  return result;
}

Bytes jpeg_of_scans(int scans) {
  Bytes bytes;
  const auto append = [&](std::initializer_list<int> values) {
    for (const int value : values) bytes.push_back(static_cast<unsigned char>(value));
  };
  append({0xff, 0xd8});            // start
  append({0xff, 0xdb, 0, 67, 0});  // quantisation table 0, of ones
  for (int i = 0; i < 64; ++i) append({1});
  append({0xff, 0xc2, 0, 11, 8, 0, 16, 0, 16, 1, 1, 0x11, 0});  // progressive, 16x16, one component
  // Huffman table 0 for DC: one code, the bit 0, which means no difference.
  append({0xff, 0xc4, 0, 20, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
  // DC of component 1 at full precision: four blocks, filled up with ones.
  for (int i = 0; i < scans; ++i) append({0xff, 0xda, 0, 8, 1, 1, 0, 0, 0, 0, 0x0f});
  append({0xff, 0xd9});
  return bytes;
}

Bytes encode_png(int width, int height, const PngOptions& options) {
  spng_ctx* context = spng_ctx_new(SPNG_CTX_ENCODER);
  check(spng_set_option(context, SPNG_ENCODE_TO_BUFFER, 1));
  spng_ihdr header{};
  header.width = static_cast<std::uint32_t>(width);
  header.height = static_cast<std::uint32_t>(height);
  header.bit_depth = static_cast<std::uint8_t>(options.bit_depth);
  header.color_type = static_cast<std::uint8_t>(options.color_type);
  header.interlace_method = options.interlaced ? 1 : 0;
  check(spng_set_ihdr(context, &header));

  if (options.color_type == SPNG_COLOR_TYPE_INDEXED) {
    spng_plte palette{};
    palette.n_entries = 1U << options.bit_depth;
    support::Random random(5);
    for (std::uint32_t i = 0; i < palette.n_entries; ++i) {
      const std::uint64_t bits = random.next();
      palette.entries[i] = {static_cast<std::uint8_t>(bits), static_cast<std::uint8_t>(bits >> 8),
                            static_cast<std::uint8_t>(bits >> 16), 255};
    }
    check(spng_set_plte(context, &palette));
    if (options.transparent > 0) {
      spng_trns alpha{};
      alpha.n_type3_entries = static_cast<std::uint32_t>(options.transparent);
      for (int i = 0; i < options.transparent; ++i) alpha.type3_alpha[i] = static_cast<std::uint8_t>(i * 40);
      check(spng_set_trns(context, &alpha));
    }
  }

  const int samples = options.color_type == 2   ? 3
                      : options.color_type == 4 ? 2
                      : options.color_type == 6 ? 4
                                                : 1;
  const int row_bytes = (width * samples * options.bit_depth + 7) / 8;
  Bytes pixels = image(row_bytes, height, 1);
  if (options.dark) {
    for (std::size_t i = 0; i < pixels.size(); i += 2) pixels[i] &= 1U;
  }
  check(spng_encode_image(context, pixels.data(), pixels.size(), SPNG_FMT_RAW, SPNG_ENCODE_FINALIZE));
  std::size_t size = 0;
  int status = 0;
  auto* buffer = static_cast<unsigned char*>(spng_get_png_buffer(context, &size, &status));
  check(status);
  Bytes result(buffer, buffer + size);
  std::free(buffer);
  spng_ctx_free(context);
  return result;
}

Bytes exif(int orientation, bool big_endian) {
  Bytes tiff(2, big_endian ? 'M' : 'I');
  const auto put = [&](unsigned value, int bytes) {
    for (int i = 0; i < bytes; ++i) {
      const int place = big_endian ? bytes - 1 - i : i;
      tiff.push_back(static_cast<unsigned char>(value >> (8 * place)));
    }
  };
  put(42, 2);
  put(8, 4);       // where the directory is
  put(2, 2);       // entries
  put(0x010f, 2);  // the maker: four letters
  put(2, 2);
  put(4, 4);
  put(0, 4);
  put(0x0112, 2);  // orientation: one number of 16 bits
  put(3, 2);
  put(1, 4);
  put(static_cast<unsigned>(orientation), 2);
  put(0, 2);
  put(0, 4);  // no other directory
  return tiff;
}

Bytes with_jpeg_exif(const Bytes& jpeg, const Bytes& exif) {
  const std::size_t size = exif.size() + 8;
  Bytes segment;
  for (const std::size_t byte : {std::size_t{0xff}, std::size_t{0xe1}, size >> 8, size & 0xff}) {
    segment.push_back(static_cast<unsigned char>(byte));
  }
  for (const char c : std::string("Exif\0\0", 6)) segment.push_back(static_cast<unsigned char>(c));
  for (const unsigned char byte : exif) segment.push_back(byte);
  return with_bytes_at(jpeg, 2, segment);
}

Bytes with_png_exif(const Bytes& png, const Bytes& exif) {
  constexpr std::size_t kHeader = 8 + 25;  // signature and IHDR
  return with_bytes_at(png, kHeader, png_chunk("eXIf", exif));
}

Bytes png_chunk(const std::string& type, const Bytes& data) {
  Bytes checked;
  for (const char c : type) checked.push_back(static_cast<unsigned char>(c));
  for (const unsigned char byte : data) checked.push_back(byte);
  Bytes chunk;
  append_u32(chunk, data.size());
  for (const unsigned char byte : checked) chunk.push_back(byte);
  append_u32(chunk, crc32(checked));
  return chunk;
}

}  // namespace godwit::test
