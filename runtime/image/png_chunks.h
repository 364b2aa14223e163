// The chunks of a PNG file, taken as Pillow takes them: what it refuses is refused, what it lets pass is
// told.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace godwit::image {

// Chunks in front of the pixels.
struct PngHead {
  std::uint32_t width = 0, height = 0;
  int bits = 0;        // of a sample: 1, 2, 4, 8 or 16
  int color_type = 0;  // as PNG numbers them: 0 gray, 2 RGB, 3 palette, 4 gray and alpha, 6 RGBA
  bool interlaced = false;
  std::size_t colors = 0;  // of the palette that are stored
  // The palette; entries that are not stored are grays, as in Pillow.
  std::array<std::array<std::uint8_t, 3>, 256> palette{};
  // The part of the image that the pixels fill: all of it, but for animations that say otherwise.
  struct Frame {
    std::uint32_t left, top, width, height;
  } frame{};

  bool has_palette() const { return color_type == 3; }
  bool is_gray() const { return color_type == 0 || color_type == 4; }
  // Samples of a pixel, alpha included.
  int samples() const { return color_type == 2 ? 3 : color_type == 4 ? 2 : color_type == 6 ? 4 : 1; }
};

// A PNG file as a stream of chunks: the head, the compressed pixels block by block, and what follows.
class PngChunks {
 public:
  // Reads up to the pixels. `file` begins with PNG's signature and outlives the object. Throws Error: a wrong
  // checksum, a chunk that is too short, a kind of pixels that PNG has not, no pixels.
  explicit PngChunks(std::span<const std::byte> file);

  const PngHead& head() const { return head_; }
  // The next block of compressed pixels, empty behind the last. Throws Error where a chunk's name is none.
  std::span<const std::byte> next_block();
  // Reads all that follows the pixels. Throws Error where a chunk there is cut off or too short.
  void finish();
  // True where a checksum of the pixels does not fit, which nothing but this tells.
  bool has_wrong_checksum() const { return has_wrong_checksum_; }

 private:
  struct Chunk {
    std::string_view name;
    std::size_t size = 0;  // that it claims to have
    std::size_t at = 0;    // of its data
  };
  std::optional<Chunk> next_chunk();
  std::span<const std::byte> data_of(const Chunk& chunk) const;
  void check_sum(const Chunk& chunk) const;
  void take(const Chunk& chunk);
  void take_header(const Chunk& chunk);
  void take_palette(const Chunk& chunk);
  void take_frame(const Chunk& chunk);
  void begin_pixels(const Chunk& chunk);
  void end_pixels_chunk();

  std::span<const std::byte> file_;
  PngHead head_;
  bool has_header_ = false, is_animated_ = false, has_frame_ = false, is_in_pixels_ = false;
  std::optional<std::uint32_t> sequence_;  // of the last chunk of an animation
  std::uint32_t frames_ = 0;               // that an animation announces
  std::size_t at_ = 0;                     // of what comes next
  std::size_t left_ = 0;                   // of the chunk of pixels
  std::size_t begin_ = 0;                  // of that chunk's name, for its checksum
  bool has_wrong_checksum_ = false;
};

// EXIF metadata of a PNG file and the texts that stand for them; empty where there are none.
struct PngMetadata {
  std::vector<std::byte> exif;         // of the chunk eXIf, or of a text of that name
  std::vector<std::byte> raw_profile;  // of the text "Raw profile type exif"
  std::vector<std::byte> xmp;          // of the text "XML:com.adobe.xmp"
};
// Looks through all chunks that can be read. Never throws but for want of memory.
PngMetadata png_metadata(std::span<const std::byte> file);

}  // namespace godwit::image
