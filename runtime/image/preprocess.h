// From an image to the tensor a network was trained on: resize, centre crop, normalise.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/cpu.h"
#include "runtime/image/image.h"
#include "runtime/image/normalize.h"
#include "runtime/image/pipeline.h"
#include "runtime/image/resize.h"
#include "runtime/tensor.h"

namespace godwit::image {

// Does what torchvision's Resize(size) + CenterCrop(size) do to a Pillow image, to the last bit. By default
// the long side becomes int(short·long/short), and the filter is stretched by the scale. Weights have 22 bits
// in fixed point; the horizontal pass is first, with uint8 between the passes. The crop's offset is
// round-half-even((side − crop) / 2). An image smaller than the crop is padded with 0. The result has the
// crop's size (or the resized image's when the crop is empty).
Image resize_and_crop(const Image& image, Size resize, Size crop, Filter filter = Filter::bilinear,
                      ResizeMode mode = ResizeMode::crop);

// The values that the pipeline makes of pixels.
ValueTable<float> value_table(const Pipeline& pipeline);
// The pixels' values themselves.
ValueTable<std::uint8_t> pixel_table();

// Writes one image's tensor (3 channels, of the image's size) to dst in the given layout. Throws Error for a
// pipeline of one channel.
// dst: (3, H, W) for nchw, (H, W, 3) for nhwc.
void normalize(const Image& image, const Pipeline& pipeline, Layout layout, std::span<float> dst);

// The stage to stop behind, so that stages can be timed by what each one adds.
enum class Until : std::uint8_t { read, decode, resize, end };

// Files into tensors, one after the other: decodes what the crop needs, resizes and crops row by row, and
// writes each row of the result to its place at once. Keeps its memory from image to image; one for each
// thread.
class Preprocessor {
 public:
  // Throws Error when the pipeline has no crop, by which the tensor's size is known.
  explicit Preprocessor(const Pipeline& pipeline, const PreprocessOptions& options = {});

  // A file into its slot of a batch; the channel's values are those of value_table(). dst: (C, H, W) for
  // nchw, (H, W, C) for nhwc, H and W being the crop's and C the pipeline's channels. Throws Error naming the
  // path: absent, not a regular file, damaged, past a limit; dst then holds anything.
  void run(const std::string& path, Layout layout, std::span<float> dst);
  // The same with values of the caller's: bytes for a network that takes them, or the pixels themselves.
  // `table` is in the order of the network's channels.
  template <class T>
  void run(const std::string& path, Layout layout, const ValueTable<T>& table, std::span<T> dst);
  // The same from memory; `name` stands for the file in errors.
  template <class T>
  void run(std::span<const std::byte> file, const std::string& name, Layout layout,
           const ValueTable<T>& table, std::span<T> dst);

  // Faults that the decoder mended in the image read last, in its own words; empty where it was whole.
  const std::vector<std::string>& warnings() const { return warnings_; }
  // Pixels of the image read last, as stored.
  std::int64_t source_pixels() const { return source_pixels_; }
  std::size_t source_bytes() const { return source_bytes_; }
  const ValueTable<float>& table() const { return table_; }
  // From now on images are taken only so far; before the end dst keeps what it held.
  void stop_after(Until until) { until_ = until; }

 private:
  void read_region(Rows& rows);
  template <class T>
  void resize_into(Rows& source, int width, int height, Layout layout, const ValueTable<T>& table,
                   std::span<T> dst);

  Pipeline pipeline_;
  PreprocessOptions options_;
  ValueTable<float> table_;
  RowArithmetic arithmetic_;
  Resizer resizer_;
  std::vector<std::byte> file_;
  std::vector<std::string> warnings_;
  std::int64_t source_pixels_ = 0;
  std::size_t source_bytes_ = 0;
  std::vector<std::uint8_t> row_;
  Until until_ = Until::end;
};

// The way from an image's pixels to those of its tensor.
struct Placement {
  Size image;  // turned upright where the options say so
  Size resized;
  int left = 0, top = 0;  // of the tensor in the resized image; below 0 where it is padded

  // The place in the image of one in the tensor; both count from the edge of the first pixel.
  double source_x(double x) const { return (x + left) * image.width / resized.width; }
  double source_y(double y) const { return (y + top) * image.height / resized.height; }
};
// Reads the file's header. Throws Error as resized_size() does.
Placement placement(const std::string& path, const Pipeline& pipeline, const PreprocessOptions& options = {});

// The size of the file's image once resized, not cropped. Throws Error naming the path: a file that is no
// image, or one that would be larger than the limit.
Size resized_size(const std::string& path, const Pipeline& pipeline, const PreprocessOptions& options = {});

// Decode, resize, crop, normalise: a file into its slot of a batch.
void preprocess_file(const std::string& path, const Pipeline& pipeline, Layout layout, std::span<float> dst);

}  // namespace godwit::image
