// libjpeg-turbo with its defaults (exact ISLOW transform, fancy upsampling), its errors turned into ours.
#include "runtime/image/jpeg.h"

#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstdio>  // jpeglib.h needs FILE
#include <cstring>
#include <fmt/format.h>
#include <functional>
#include <jpeglib.h>
// After jpeglib.h, which it needs: the numbers of the messages.
#include <jerror.h>

#include "runtime/counted.h"
#include "runtime/error.h"
#include "runtime/image/decoder.h"
#include "runtime/image/jpeg_words.h"

namespace godwit::image {
namespace {

// Distinct warnings that are kept of one file; more of them say nothing new.
constexpr std::size_t kMaxWarnings = 4;

// Columns and rows beyond a pixel's own, in samples of the most subsampled component, that upsampling may mix
// into it. Fancy upsampling takes one neighbour. One more is needed because the edge of a cut is treated as
// the image's.
constexpr int kMarginSamples = 2;

// Rows above the region that are decoded all the same, so that the first one finds its neighbours.
constexpr int kMarginRows = 0;

// The first coefficients of a block, in zigzag order: those that the decoder smooths.
constexpr std::size_t kSmoothedCoefficients = 10;

// a·b/255, rounded, for bytes.
int scale_byte(int a, int b) {
  const int product = a * b + 128;
  return (product + (product >> 8)) >> 8;
}

// Converts as Pillow does. The four inks are taken to be stored inverted (Adobe's habit), with or without an
// Adobe marker. Each colour is what its ink and black leave over. In place, (pixels, 4).
void cmyk_to_rgb(std::uint8_t* row, std::size_t pixels) {
  for (std::uint8_t* pixel = row; pixel != row + 4 * pixels; pixel += 4) {
    const int light = pixel[3];
    for (std::size_t c = 0; c < 3; ++c) {
      const int ink = 255 - pixel[c];
      pixel[c] = static_cast<std::uint8_t>(std::clamp(light - scale_byte(ink, light), 0, 255));
    }
  }
}

}  // namespace

// The library reports by calling back and expects not to be returned to. Throwing through its C frames is not
// defined, so the callbacks keep the message and jump; attempt() is where they land.
class JpegRows::Decoder {
 public:
  // Reads the header and checks it. Delegating makes the destructor free the library's memory when that
  // throws.
  Decoder(std::span<const std::byte> bytes, const DecodeLimits& limits) : Decoder(bytes, limits.max_scans) {
    attempt([&] {
      jpeg_mem_src(&info_, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
      jpeg_read_header(&info_, TRUE);
    });
    check_header(limits);
  }
  ~Decoder() { jpeg_destroy_decompress(&info_); }
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  void scale(int denominator) {
    attempt([&] {
      info_.scale_num = 1;
      info_.scale_denom = static_cast<unsigned>(denominator);
      jpeg_calc_output_dimensions(&info_);
    });
  }
  void start() {
    attempt([&] {
      inks_ = info_.jpeg_color_space == JCS_CMYK || info_.jpeg_color_space == JCS_YCCK;
      info_.out_color_space = inks_ ? JCS_CMYK : JCS_EXT_RGBX;
      jpeg_start_decompress(&info_);
    });
  }
  void crop(JDIMENSION* left, JDIMENSION* width) {
    attempt([&] { jpeg_crop_scanline(&info_, left, width); });
  }
  void skip(JDIMENSION rows) {
    if (rows == 0) return;
    attempt([&] { jpeg_skip_scanlines(&info_, rows); });
  }
  void read(std::uint8_t* row) {
    attempt([&] { jpeg_read_scanlines(&info_, &row, 1); });
    if (inks_) cmyk_to_rgb(row, info_.output_width);
  }
  void read_whole(std::vector<std::uint8_t>& pixels) {
    attempt([&] {
      const bool inks = info_.jpeg_color_space == JCS_CMYK || info_.jpeg_color_space == JCS_YCCK;
      info_.out_color_space = inks ? JCS_CMYK : JCS_RGB;
      jpeg_start_decompress(&info_);
    });
    const std::size_t bytes =
        std::size_t{info_.output_width} * static_cast<std::size_t>(info_.output_components);
    if (pixels.size() < bytes * info_.output_height) pixels.resize(bytes * info_.output_height);
    attempt([&] {
      while (info_.output_scanline < info_.output_height) {
        JSAMPROW row = pixels.data() + bytes * info_.output_scanline;
        jpeg_read_scanlines(&info_, &row, 1);
      }
      jpeg_finish_decompress(&info_);
    });
  }
  // Reads on behind the last row: damage there matters only where the file's end is missing.
  void finish() {
    if (info_.output_scanline >= info_.output_height) {
      attempt([&] { jpeg_finish_decompress(&info_); });
    } else if (jpeg_input_complete(&info_) == FALSE) {
      find_end();
    }
  }

  jpeg_decompress_struct& info() { return info_; }
  const jpeg_decompress_struct& info() const { return info_; }
  std::vector<std::string> warnings() const {
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < warning_count_; ++i) texts.push_back(sentence_of(warnings_[i]));
    if (inks_ && info_.saw_Adobe_marker == FALSE)
      texts.emplace_back("CMYK without an Adobe marker is taken to be inverted, as in Pillow");
    return texts;
  }

 private:
  Decoder(std::span<const std::byte> bytes, int max_scans) : bytes_(bytes), max_scans_(max_scans) {
    info_.err = jpeg_std_error(&errors_);
    errors_.error_exit = [](j_common_ptr info) { self(info).fail(); };
    errors_.emit_message = [](j_common_ptr info, int level) {
      if (level < 0) self(info).warn();
    };
    info_.client_data = this;
    progress_.progress_monitor = [](j_common_ptr info) { self(info).count_scans(); };
    attempt([&] { jpeg_create_decompress(&info_); });
    info_.progress = &progress_;
  }

  void check_header(const DecodeLimits& limits);

  static Decoder& self(j_common_ptr info) { return *static_cast<Decoder*>(info->client_data); }

  // The library reads an end marker of its own at the end of the file.
  std::size_t position() const {
    const auto* begin = reinterpret_cast<const JOCTET*>(bytes_.data());
    const bool inside = info_.src != nullptr && !std::less<>()(info_.src->next_input_byte, begin) &&
                        !std::less<>()(begin + bytes_.size(), info_.src->next_input_byte);
    return inside ? static_cast<std::size_t>(info_.src->next_input_byte - begin) : bytes_.size();
  }
  JpegFault reported() const {
    const bool ended = errors_.msg_code == JWRN_JPEG_EOF || errors_.msg_code == JERR_INPUT_EOF;
    JpegFault fault{errors_.msg_code, {}, ended ? bytes_.size() : position()};
    std::ranges::copy(std::span(errors_.msg_parm.i).first(fault.values.size()), fault.values.begin());
    return fault;
  }

  [[noreturn]] void fail() {
    fault_ = reported();
    std::longjmp(landing_, 1);
  }

  // Pillow refuses what ends too early; everything else is mended as libjpeg-turbo does it.
  void warn() {
    if (errors_.msg_code == JWRN_JPEG_EOF) fail();
    const std::span known(warnings_.data(), warning_count_);
    if (std::ranges::find(known, errors_.msg_code, &JpegFault::code) != known.end()) return;
    if (warning_count_ < warnings_.size()) warnings_[warning_count_++] = reported();
  }

  void count_scans() {
    if (info_.input_scan_number <= max_scans_) return;
    has_too_many_scans_ = true;
    std::longjmp(landing_, 1);
  }

  // In entropy-coded data 0xff is followed by 0 or by a restart marker, so that the end marker is what it
  // seems.
  void find_end() const {
    if (info_.unread_marker == JPEG_EOI) return;
    const unsigned char* at = info_.src->next_input_byte;
    const unsigned char* const end = at + info_.src->bytes_in_buffer;
    while (at != end) {
      at = static_cast<const unsigned char*>(std::memchr(at, 0xff, static_cast<std::size_t>(end - at)));
      if (at == nullptr || ++at == end) break;
      if (*at == JPEG_EOI) return;
    }
    refuse({JWRN_JPEG_EOF, {}, bytes_.size()});
  }

  [[noreturn]] static void refuse(const JpegFault& fault) {
    throw Error(fmt::format("cannot decode the JPEG: {}", sentence_of(fault)),
                is_lack_of_memory(fault) ? ErrorKind::failed : ErrorKind::bad_input);
  }

  // Between here and the library's callbacks there is nothing with a destructor.
  template <class Step>
  void attempt(const Step& step) {
    if (setjmp(landing_) != 0) {
      if (has_too_many_scans_)
        throw Error(fmt::format("cannot decode the JPEG: it has more than {}", counted(max_scans_, "scan")));
      refuse(fault_);
    }
    step();
  }

  jpeg_decompress_struct info_{};
  jpeg_error_mgr errors_{};
  jpeg_progress_mgr progress_{};
  std::jmp_buf landing_{};
  JpegFault fault_;
  std::array<JpegFault, kMaxWarnings> warnings_{};  // no memory is asked for between the library's frames
  std::size_t warning_count_ = 0;
  std::span<const std::byte> bytes_;
  int max_scans_;
  bool has_too_many_scans_ = false;
  bool inks_ = false;
};

bool looks_like_jpeg(std::span<const std::byte> bytes) {
  constexpr std::array kStart = {std::byte{0xff}, std::byte{0xd8}, std::byte{0xff}};
  return bytes.size() >= kStart.size() && std::ranges::equal(bytes.first(kStart.size()), kStart);
}

// Refuses what is too large or in colours of no known kind.
void JpegRows::Decoder::check_header(const DecodeLimits& limits) {
  const jpeg_decompress_struct& info = info_;
  if (static_cast<std::int64_t>(info.image_width) * info.image_height > limits.max_pixels) {
    throw Error(fmt::format("the JPEG has {}x{} pixels, more than the limit of {}", info.image_width,
                            info.image_height, limits.max_pixels));
  }
  static constexpr std::array kKnown = {JCS_GRAYSCALE, JCS_YCbCr, JCS_RGB, JCS_CMYK, JCS_YCCK};
  if (std::ranges::find(kKnown, info.jpeg_color_space) == kKnown.end()) {
    throw Error(fmt::format("the JPEG has {}, expected gray, RGB, YCbCr, CMYK or YCCK",
                            counted(info.num_components, "component")));
  }
}

JpegRows::JpegRows(std::span<const std::byte> bytes, const DecodeLimits& limits)
    : decoder_(std::make_unique<Decoder>(bytes, limits)) {
  decoder_->scale(1);
}

JpegRows::~JpegRows() = default;

int JpegRows::width() const { return static_cast<int>(decoder_->info().output_width); }
int JpegRows::height() const { return static_cast<int>(decoder_->info().output_height); }

SampleFormat JpegRows::stored() const { return {decoder_->info().num_components == 1 ? 1 : 3, 8}; }

void JpegRows::shrink(int denominator) { decoder_->scale(denominator); }

bool JpegRows::partial_is_exact() const {
  const jpeg_decompress_struct& info = decoder_->info();
  for (int i = 0; i < info.num_components; ++i) {
    const jpeg_component_info& component = info.comp_info[i];
    if (i == 0 ? component.h_samp_factor > 2 || component.v_samp_factor > 2
               : component.h_samp_factor != 1 || component.v_samp_factor != 1) {
      return false;
    }
    // Coefficients that no scan refined are smoothed over from neighbouring blocks.
    if (info.progressive_mode != FALSE && info.coef_bits != nullptr) {
      const std::span<const int> precision(info.coef_bits[i], kSmoothedCoefficients);
      if (std::ranges::any_of(precision, [](int bits) { return bits != 0; })) return false;
    }
  }
  return true;
}

Region JpegRows::select(const Region& wanted) {
  decoder_->start();
  const jpeg_decompress_struct& info = decoder_->info();
  Region given{0, wanted.top, width(), wanted.bottom};
  int skipped = 0;
  if (partial_is_exact()) {
    const int margin = kMarginSamples * info.max_h_samp_factor;
    const int left = std::max(wanted.left - margin, 0), right = std::min(wanted.right + margin, width());
    if (right - left < width()) {
      auto first = static_cast<JDIMENSION>(left), columns = static_cast<JDIMENSION>(right - left);
      decoder_->crop(&first, &columns);
      given.left = static_cast<int>(first);
      given.right = static_cast<int>(first + columns);
    }
    skipped = std::max(wanted.top - kMarginRows, 0);
    decoder_->skip(static_cast<JDIMENSION>(skipped));
  }
  if (skipped < wanted.top) {
    std::vector<std::uint8_t> unused(static_cast<std::size_t>(given.width()) * 4);
    for (; skipped < wanted.top; ++skipped) decoder_->read(unused.data());
  }
  columns_ = given.width();
  return given;
}

void JpegRows::read(std::uint8_t* dst) { decoder_->read(dst); }
void JpegRows::read_stored(std::uint16_t* dst) {
  const auto channels = static_cast<std::size_t>(stored().channels);
  row_.resize(static_cast<std::size_t>(columns_) * 4);
  read(row_.data());
  for (std::size_t x = 0; x < static_cast<std::size_t>(columns_); ++x) {
    for (std::size_t c = 0; c < channels; ++c) dst[channels * x + c] = row_[4 * x + c];
  }
}
void JpegRows::finish() { decoder_->finish(); }
std::vector<std::string> JpegRows::warnings() const { return decoder_->warnings(); }

void decode_jpeg_bare(std::span<const std::byte> bytes, const DecodeLimits& limits,
                      std::vector<std::uint8_t>& pixels) {
  JpegRows::Decoder(bytes, limits).read_whole(pixels);
}

Image decode_jpeg(std::span<const std::byte> bytes, const DecodeLimits& limits) {
  JpegRows rows(bytes, limits);
  return read_all(rows);
}

namespace {
constexpr std::array<std::string_view, 2> kExtensions = {".jpg", ".jpeg"};
std::unique_ptr<Rows> open(std::span<const std::byte> file, const DecodeLimits& limits) {
  return std::make_unique<JpegRows>(file, limits);
}
}  // namespace

extern const Decoder jpeg_decoder;
const Decoder jpeg_decoder = {"JPEG", kExtensions, looks_like_jpeg, open};

}  // namespace godwit::image
