// Resize, centre crop and normalise as torchvision does them, and the way from a file to a network's input.
#include "runtime/image/preprocess.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <memory>
#include <type_traits>
#include <utility>

#include "runtime/counted.h"
#include "runtime/error.h"
#include "runtime/float16.h"
#include "runtime/image/decoder.h"
#include "runtime/image/exif.h"
#include "runtime/image/gray.h"
#include "runtime/input_file.h"

namespace godwit::image {
namespace {

// (side - crop) / 2, rounded to the nearest and halves to even; negative where the image is smaller than
// the crop.
std::int64_t crop_offset(std::int64_t side, std::int64_t crop) {
  const std::int64_t difference = side - crop;
  if (difference % 2 == 0) return difference / 2;
  const std::int64_t below = (difference - 1) / 2;  // exact: difference - 1 is even
  return below % 2 == 0 ? below : below + 1;
}

// The target of an image: its size once resized, and the window of it that is kept.
struct Geometry {
  std::int64_t width, height;
  Window window;
};

// Sides that may be beyond those of any image.
struct Extent {
  std::int64_t height, width;
};

// The size of an image of width × height that keeps its ratio and covers `target`.
Extent covering(std::int64_t width, std::int64_t height, Size target) {
  if (width * target.height >= height * target.width) return {target.height, width * target.height / height};
  return {height * target.width / width, target.width};
}

// The one that fits into `target`, by Pillow's operations: a quotient in double, rounded half to even.
Extent fitting(std::int64_t width, std::int64_t height, Size target) {
  const auto wide = static_cast<double>(width), high = static_cast<double>(height);
  const double ratio = wide / high;
  const double wanted = static_cast<double>(target.width) / static_cast<double>(target.height);
  const auto rounded = [](double value) {
    return std::max<std::int64_t>(1, static_cast<std::int64_t>(std::nearbyint(value)));
  };
  if (ratio > wanted) return {rounded(high / wide * static_cast<double>(target.width)), target.width};
  if (ratio < wanted) return {target.height, rounded(wide / high * static_cast<double>(target.height))};
  return {target.height, target.width};
}

Geometry geometry(std::int64_t width, std::int64_t height, Size resize, ResizeMode mode, Size crop) {
  if (!resize.empty()) {
    const Extent target = mode == ResizeMode::stretch      ? Extent{resize.height, resize.width}
                          : mode == ResizeMode::keep_ratio ? fitting(width, height, resize)
                                                           : covering(width, height, resize);
    width = target.width;
    height = target.height;
  }
  if (crop.empty()) return {width, height, {0, 0, 0, 0}};
  return {width,
          height,
          {crop_offset(width, crop.width), crop_offset(height, crop.height), crop.width, crop.height}};
}

// The most that an image can be shrunk while being decoded without getting smaller than it shall be.
int fast_denominator(std::int64_t width, std::int64_t height, const Pipeline& pipeline) {
  if (pipeline.resize.empty()) return 1;
  const Geometry target = geometry(width, height, pipeline.resize, pipeline.mode, {});
  const auto enough = [](std::int64_t side, int denominator, std::int64_t wanted) {
    return (side + denominator - 1) / denominator >= wanted;
  };
  // The sides that the mode fixes; the other one follows from the ratio.
  const bool both = pipeline.mode == ResizeMode::stretch;
  const bool by_height = both || target.height == pipeline.resize.height;
  const bool by_width = both || target.width == pipeline.resize.width;
  for (const int denominator : {8, 4, 2}) {
    if ((!by_height || enough(height, denominator, target.height)) &&
        (!by_width || enough(width, denominator, target.width)))
      return denominator;
  }
  return 1;
}

// Sides of what upright() makes of the rows.
Size upright_size(const Rows& rows, int orientation) {
  return orientation >= 5 ? Size(rows.width(), rows.height()) : Size(rows.height(), rows.width());
}

// The place of value (y, x, c) in an image.
struct Strides {
  std::size_t y, x, c;
};
Strides strides_of(Layout layout, std::size_t height, std::size_t width, std::size_t channels) {
  return layout == Layout::nchw ? Strides{width, 1, height * width} : Strides{channels * width, channels, 1};
}

}  // namespace

// The product of 8 and 53 bits is rounded once on its way to float, and no difference can be contracted with
// it: the same bits on every machine.
ValueTable<float> value_table(const Pipeline& pipeline) {
  ValueTable<float> table{};
  for (std::size_t c = 0; c < table.size(); ++c) {
    for (std::size_t value = 0; value < table[c].size(); ++value) {
      const auto scaled = static_cast<float>(static_cast<double>(value) * pipeline.scale);
      table[c][value] = (scaled - pipeline.mean[c]) / pipeline.stddev[c];
    }
  }
  return table;
}

ValueTable<std::uint8_t> pixel_table() {
  ValueTable<std::uint8_t> table{};
  for (auto& channel : table) {
    for (std::size_t value = 0; value < channel.size(); ++value) {
      channel[value] = static_cast<std::uint8_t>(value);
    }
  }
  return table;
}

Image resize_and_crop(const Image& image, Size resize, Size crop, Filter filter, ResizeMode mode) {
  if (image.width <= 0 || image.height <= 0) throw Error("the image has no pixels");
  const Geometry target = geometry(image.width, image.height, resize, mode, crop);
  if (!crop.empty()) return resize_window(image, target.width, target.height, target.window, filter);
  const std::int64_t limit = DecodeLimits{}.max_pixels;
  if (std::max(target.width, target.height) > limit / std::min(target.width, target.height)) {
    throw Error(fmt::format(
        "an image of {}x{} pixels would be {}x{} when resized to a short side of {}, more than {} "
        "pixels; expected a crop as well",
        image.width, image.height, target.width, target.height, std::min(resize.height, resize.width),
        limit));
  }
  return resize_window(image, target.width, target.height,
                       {0, 0, static_cast<int>(target.width), static_cast<int>(target.height)}, filter);
}

void normalize(const Image& image, const Pipeline& pipeline, Layout layout, std::span<float> dst) {
  if (pipeline.channels != 3)
    throw Error(fmt::format("preprocessing '{}' has 1 channel, expected the 3 of the image", pipeline.name));
  const std::size_t pixels = static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.height);
  if (dst.size() != pixels * 3 || image.pixels.size() != pixels * 3) {
    throw Error(fmt::format("an image of {}x{} pixels does not fill a tensor of {}", image.width,
                            image.height, counted(dst.size(), "value")));
  }
  const ValueTable<float> table = value_table(pipeline);
  for (std::size_t c = 0; c < 3; ++c) {
    const std::uint8_t* src = image.pixels.data() + (pipeline.order == ChannelOrder::rgb ? c : 2 - c);
    float* out = layout == Layout::nchw ? dst.data() + c * pixels : dst.data() + c;
    const std::size_t step = layout == Layout::nchw ? 1 : 3;
    for (std::size_t i = 0; i < pixels; ++i) out[i * step] = table[c][src[i * 3]];
  }
}

Preprocessor::Preprocessor(const Pipeline& pipeline, const PreprocessOptions& options)
    : pipeline_(pipeline),
      options_(options),
      table_(value_table(pipeline)),
      arithmetic_(pipeline, table_, row_kernels(options.isa)),
      resizer_(options.isa) {
  if (pipeline.crop.empty()) {
    throw Error(fmt::format("preprocessing '{}' has no crop, expected one: it gives a tensor its size",
                            pipeline.name));
  }
}

void Preprocessor::run(const std::string& path, Layout layout, std::span<float> dst) {
  run(path, layout, table_, dst);
}

template <class T>
void Preprocessor::run(const std::string& path, Layout layout, const ValueTable<T>& table, std::span<T> dst) {
  const std::span<const std::byte> file = read_file(path, options_.limits.max_file_bytes, file_);
  if (until_ == Until::read) return;
  run(file, path, layout, table, dst);
}

template <class T>
void Preprocessor::run(std::span<const std::byte> file, const std::string& name, Layout layout,
                       const ValueTable<T>& table, std::span<T> dst) {
  source_bytes_ = file.size();
  with_context(
      [&] { return fmt::format("'{}'", name); },
      [&] {
        if (dst.size() != pipeline_.elements()) {
          throw Error(fmt::format("an image of {}x{} pixels does not fill a tensor of {}",
                                  pipeline_.crop.width, pipeline_.crop.height, counted(dst.size(), "value")));
        }
        warnings_.clear();
        const std::unique_ptr<Rows> rows = decoder_of(file).open(file, options_.limits);
        rows->set_depth(options_.depth.value_or(pipeline_.depth));
        source_pixels_ = std::int64_t{rows->width()} * rows->height();
        const int orientation = options_.exif ? exif_orientation(file) : 1;
        const auto [height, width] = upright_size(*rows, orientation);
        if (options_.fast) rows->shrink(fast_denominator(width, height, pipeline_));
        if (orientation == 1) {
          resize_into(*rows, width, height, layout, table, dst);
        } else {
          const Image image = upright(read_all(*rows), orientation);
          ImageRows turned_rows(image);
          resize_into(turned_rows, width, height, layout, table, dst);
        }
        warnings_ = rows->warnings();
      });
}

void Preprocessor::read_region(Rows& rows) {
  const Region given = rows.select(resizer_.region());
  row_.resize(static_cast<std::size_t>(given.width()) * 4);
  for (int y = given.top; y < given.bottom; ++y) rows.read(row_.data());
  rows.finish();
}

// width and height are those of the image, of which the rows may be a smaller version.
template <class T>
void Preprocessor::resize_into(Rows& source, int width, int height, Layout layout, const ValueTable<T>& table,
                               std::span<T> dst) {
  const auto crop_height = static_cast<std::size_t>(pipeline_.crop.height);
  const auto crop_width = static_cast<std::size_t>(pipeline_.crop.width);
  const auto channels = static_cast<std::size_t>(pipeline_.channels);
  const Strides strides = strides_of(layout, crop_height, crop_width, channels);
  // Gray goes through the loops as three equal colours, of which one is kept.
  GrayRows gray(source);
  Rows& rows = channels == 1 && source.stored().channels != 1 ? gray : source;
  const std::array<std::size_t, 3> order = pipeline_.order == ChannelOrder::rgb
                                               ? std::array<std::size_t, 3>{0, 1, 2}
                                               : std::array<std::size_t, 3>{2, 1, 0};
  const Geometry target = geometry(width, height, pipeline_.resize, pipeline_.mode, pipeline_.crop);
  resizer_.plan(rows.width(), rows.height(), target.width, target.height, target.window, pipeline_.filter);
  if (until_ == Until::decode) return read_region(rows);
  if (until_ == Until::resize) return resizer_.run(rows, [](int, const std::uint8_t*) {});
  const Region inside = resizer_.inside();
  const auto columns = static_cast<std::size_t>(inside.width());
  if (columns < crop_width || inside.height() < pipeline_.crop.height) {  // a border
    for (std::size_t c = 0; c < channels; ++c) {
      for (std::size_t i = 0; i < crop_height * crop_width; ++i) {
        dst[c * strides.c + i * strides.x] = table[c][pipeline_.pad];
      }
    }
  }
  T* const corner = dst.data() + static_cast<std::size_t>(inside.left) * strides.x;
  // The pipeline's own table is known to be arithmetic.
  const bool computed =
      static_cast<const void*>(&table) == &table_ && layout == Layout::nhwc && arithmetic_.is_exact();
  const auto write = [&](int y, const std::uint8_t* row) {
    T* const to = corner + static_cast<std::size_t>(y) * strides.y;
    if constexpr (std::is_same_v<T, float>) {
      if (computed) return arithmetic_.run(row, columns, table, to);
    }
    if (channels == 1) {
      for (std::size_t x = 0; x < columns; ++x) to[x] = table[0][row[3 * x]];
    } else if (layout == Layout::nhwc) {
      look_up_row<3>(row, columns, table, order, 1, to);
    } else {
      look_up_row<1>(row, columns, table, order, strides.c, to);
    }
  };
  resizer_.run(rows, write);
}

template void Preprocessor::run(const std::string&, Layout, const ValueTable<float>&, std::span<float>);
template void Preprocessor::run(const std::string&, Layout, const ValueTable<std::uint8_t>&,
                                std::span<std::uint8_t>);
template void Preprocessor::run(const std::string&, Layout, const ValueTable<BFloat16>&, std::span<BFloat16>);
template void Preprocessor::run(std::span<const std::byte>, const std::string&, Layout,
                                const ValueTable<float>&, std::span<float>);
template void Preprocessor::run(std::span<const std::byte>, const std::string&, Layout,
                                const ValueTable<std::uint8_t>&, std::span<std::uint8_t>);
template void Preprocessor::run(std::span<const std::byte>, const std::string&, Layout,
                                const ValueTable<BFloat16>&, std::span<BFloat16>);

Placement placement(const std::string& path, const Pipeline& pipeline, const PreprocessOptions& options) {
  std::vector<std::byte> buffer;
  const std::span<const std::byte> file = read_file(path, options.limits.max_file_bytes, buffer);
  return with_context(
      [&] { return fmt::format("'{}'", path); },
      [&] {
        const std::unique_ptr<Rows> rows = decoder_of(file).open(file, options.limits);
        const Size image = upright_size(*rows, options.exif ? exif_orientation(file) : 1);
        const Geometry target =
            geometry(image.width, image.height, pipeline.resize, pipeline.mode, pipeline.crop);
        if (std::max(target.width, target.height) >
            options.limits.max_pixels / std::min(target.width, target.height)) {
          throw Error(fmt::format("its {}x{} pixels would be {}x{} when resized, more than {} pixels",
                                  image.width, image.height, target.width, target.height,
                                  options.limits.max_pixels));
        }
        return Placement{image, Size(static_cast<int>(target.height), static_cast<int>(target.width)),
                         static_cast<int>(target.window.left), static_cast<int>(target.window.top)};
      });
}

Size resized_size(const std::string& path, const Pipeline& pipeline, const PreprocessOptions& options) {
  return placement(path, pipeline, options).resized;
}

void preprocess_file(const std::string& path, const Pipeline& pipeline, Layout layout, std::span<float> dst) {
  Preprocessor(pipeline).run(path, layout, dst);
}

}  // namespace godwit::image
