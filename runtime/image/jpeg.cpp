// libjpeg-turbo with its defaults (exact ISLOW transform, fancy upsampling), its errors turned into ours.
#include "runtime/image/jpeg.h"

#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstdio>  // jpeglib.h needs FILE
#include <fmt/format.h>
#include <jpeglib.h>

#include "runtime/error.h"

namespace godwit::image {
namespace {

// The library reports by calling back and expects not to be returned to. Throwing through its C frames is not
// defined, so the callbacks keep the message and jump; attempt() is where they land.
class Decoder {
 public:
  Decoder(std::span<const std::byte> bytes, int max_scans) : max_scans_(max_scans) {
    info_.err = jpeg_std_error(&errors_);
    errors_.error_exit = [](j_common_ptr info) { self(info).fail(info); };
    errors_.emit_message = [](j_common_ptr info, int level) {
      if (level < 0) self(info).fail(info);  // a warning: the data are damaged
    };
    info_.client_data = this;
    attempt([&] {
      jpeg_create_decompress(&info_);
      jpeg_mem_src(&info_, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
    });
    progress_.progress_monitor = [](j_common_ptr info) { self(info).count_scans(); };
    info_.progress = &progress_;
  }
  ~Decoder() { jpeg_destroy_decompress(&info_); }
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  void read_header() {
    attempt([&] { jpeg_read_header(&info_, TRUE); });
  }
  void start(J_COLOR_SPACE colors) {
    attempt([&] {
      info_.out_color_space = colors;
      jpeg_start_decompress(&info_);
    });
  }
  void read_row(std::uint8_t* row) {
    attempt([&] { jpeg_read_scanlines(&info_, &row, 1); });
  }
  // Reads what follows the last row, so that damage there is not overlooked.
  void finish() {
    attempt([&] { jpeg_finish_decompress(&info_); });
  }
  const jpeg_decompress_struct& info() const { return info_; }

 private:
  static Decoder& self(j_common_ptr info) { return *static_cast<Decoder*>(info->client_data); }

  [[noreturn]] void fail(j_common_ptr info) {
    errors_.format_message(info, message_.data());
    std::longjmp(landing_, 1);
  }

  void count_scans() {
    if (info_.input_scan_number <= max_scans_) return;
    *fmt::format_to_n(message_.data(), message_.size() - 1, "it has more than {} scans", max_scans_).out =
        '\0';
    std::longjmp(landing_, 1);
  }

  // Between here and the library's callbacks there is nothing with a destructor.
  template <class Step>
  void attempt(const Step& step) {
    if (setjmp(landing_) != 0) throw Error(fmt::format("cannot decode the JPEG: {}", message_.data()));
    step();
  }

  jpeg_decompress_struct info_{};
  jpeg_error_mgr errors_{};
  jpeg_progress_mgr progress_{};
  std::jmp_buf landing_{};
  std::array<char, JMSG_LENGTH_MAX> message_{};
  int max_scans_;
};

// a·b/255, rounded, for bytes.
int scale_byte(int a, int b) {
  const int product = a * b + 128;
  return (product + (product >> 8)) >> 8;
}

// As Pillow: the four inks are taken to be stored inverted (Adobe's habit), whether an Adobe marker says so
// or not; then each colour is what its ink and black leave over.
void cmyk_to_rgb(std::span<const std::uint8_t> cmyk, std::uint8_t* rgb) {
  for (std::size_t pixel = 0; pixel < cmyk.size() / 4; ++pixel) {
    const int light = cmyk[4 * pixel + 3];
    for (std::size_t c = 0; c < 3; ++c) {
      const int ink = 255 - cmyk[4 * pixel + c];
      rgb[3 * pixel + c] = static_cast<std::uint8_t>(std::clamp(light - scale_byte(ink, light), 0, 255));
    }
  }
}

}  // namespace

bool looks_like_jpeg(std::span<const std::byte> bytes) {
  constexpr std::array kStart = {std::byte{0xff}, std::byte{0xd8}, std::byte{0xff}};
  return bytes.size() >= kStart.size() && std::ranges::equal(bytes.first(kStart.size()), kStart);
}

Image decode_jpeg(std::span<const std::byte> bytes, const DecodeLimits& limits) {
  Decoder decoder(bytes, limits.max_scans);
  decoder.read_header();
  const jpeg_decompress_struct& info = decoder.info();
  Image image{static_cast<int>(info.image_width), static_cast<int>(info.image_height), {}};
  if (static_cast<std::int64_t>(image.width) * image.height > limits.max_pixels) {
    throw Error(fmt::format("the JPEG has {}x{} pixels, more than the limit of {}", image.width, image.height,
                            limits.max_pixels));
  }
  const bool inks = info.jpeg_color_space == JCS_CMYK || info.jpeg_color_space == JCS_YCCK;
  if (!inks && info.jpeg_color_space != JCS_GRAYSCALE && info.jpeg_color_space != JCS_YCbCr &&
      info.jpeg_color_space != JCS_RGB) {
    throw Error(fmt::format("the JPEG has {} components, expected gray, RGB, YCbCr, CMYK or YCCK",
                            info.num_components));
  }
  decoder.start(inks ? JCS_CMYK : JCS_RGB);

  const std::size_t width = info.image_width;
  image.pixels.resize(width * 3 * info.image_height);
  std::vector<std::uint8_t> ink_row(inks ? width * 4 : 0);
  for (std::size_t y = 0; y < info.image_height; ++y) {
    std::uint8_t* row = image.pixels.data() + y * width * 3;
    decoder.read_row(inks ? ink_row.data() : row);
    if (inks) cmyk_to_rgb(ink_row, row);
  }
  decoder.finish();
  return image;
}

}  // namespace godwit::image
