// Strided copies in tiles small enough for the first cache, so that neither side is read or written by the
// column.
#include "ops/algorithms/strided_copy.h"

#include <algorithm>
#include <cstring>

namespace godwit::ops {
namespace {

// A transposed tile of 32 x 32 elements of 8 bytes is 8 KiB on either side: a quarter of a first-level cache
// each.
constexpr std::int64_t kTileSide = 32;
constexpr std::int64_t kTileElements = kTileSide * kTileSide;
// Lines whose distance is a power of two share one set of the cache, which has 8 places on the CPUs with the
// fewest; a block touches no more lines than that on either side.
constexpr std::int64_t kBlock = 8;
// Runs need no tiles but for sharing them: large enough that a unit's bookkeeping vanishes.
constexpr std::int64_t kRunElements = 16 * kTileElements;

std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

// A few planes into pixels, each written whole: dst[pixel][plane] = src[plane][pixel].
template <int Planes, class T>
void interleave(const T* src, std::int64_t plane_stride, std::int64_t pixels, T* dst) {
  for (std::int64_t p = 0; p < pixels; ++p) {
    for (int c = 0; c < Planes; ++c) dst[p * Planes + c] = src[c * plane_stride + p];
  }
}

class CopyExecutable final : public Executable {
 public:
  CopyExecutable(std::span<const CopyPart> parts, std::size_t element_size) {
    for (const CopyPart& part : parts)
      parts_.push_back({part.src, part.dst, StridedCopy(part.box, element_size)});
  }

  void run(const RunArgs& args, const Worker& worker) const override {
    for (const Part& part : parts_) {
      if (args.dst[part.dst] == nullptr) continue;  // a result that nobody asked for
      part.copy.run(static_cast<const std::byte*>(args.src[part.src]),
                    static_cast<std::byte*>(args.dst[part.dst]), worker);
    }
  }

  bool reads_constant(std::size_t i) const override {
    return std::ranges::find(parts_, i, &Part::src) != parts_.end();
  }

 private:
  struct Part {
    std::size_t src, dst;
    StridedCopy copy;
  };
  std::vector<Part> parts_;
};

}  // namespace

StridedCopy::StridedCopy(const CopyBox& box, std::size_t element_size)
    : element_size_(element_size), src_offset_(box.src_offset), dst_offset_(box.dst_offset) {
  if (box.extent.elements() == 0) {
    outer_count_ = 0;
    return;
  }
  std::vector<Axis> axes;
  for (int axis = 0; axis < box.extent.rank(); ++axis) {
    const auto i = static_cast<std::size_t>(axis);
    if (box.extent[axis] > 1) axes.push_back({box.extent[axis], box.src_strides[i], box.dst_strides[i]});
  }
  std::ranges::stable_sort(axes, {}, &Axis::dst_stride);  // innermost first
  for (const Axis& axis : axes) {
    if (!outer_.empty()) {
      Axis& inner = outer_.back();
      if (axis.dst_stride == inner.dst_stride * inner.size &&
          axis.src_stride == inner.src_stride * inner.size) {
        inner.size *= axis.size;
        continue;
      }
    }
    outer_.push_back(axis);
  }

  if (!outer_.empty()) {
    column_ = outer_.front();
    outer_.erase(outer_.begin());
  } else {
    column_ = {1, 1, 1};
  }
  if (!outer_.empty()) {
    // Beside a run, rows are what comes next in dst; beside a strided column, what is closest together in
    // src.
    const auto by_src = [](const Axis& a, const Axis& b) {
      return std::abs(a.src_stride) < std::abs(b.src_stride);
    };
    const auto row = contiguous() ? outer_.begin() : std::ranges::min_element(outer_, by_src);
    row_ = *row;
    outer_.erase(row);
  }
  for (const Axis& axis : outer_) outer_count_ *= axis.size;
  const std::int64_t elements = contiguous() ? kRunElements : kTileElements;
  tile_columns_ = std::min(column_.size, contiguous() ? kRunElements : kTileSide);
  tile_rows_ = std::clamp<std::int64_t>(elements / tile_columns_, 1, row_.size);
}

void StridedCopy::run(const std::byte* src, std::byte* dst, const Worker& worker) const {
  switch (element_size_) {
    case 1:
      return run_as(reinterpret_cast<const std::uint8_t*>(src), reinterpret_cast<std::uint8_t*>(dst), worker);
    case 2:
      return run_as(reinterpret_cast<const std::uint16_t*>(src), reinterpret_cast<std::uint16_t*>(dst),
                    worker);
    case 4:
      return run_as(reinterpret_cast<const std::uint32_t*>(src), reinterpret_cast<std::uint32_t*>(dst),
                    worker);
    default:
      return run_as(reinterpret_cast<const std::uint64_t*>(src), reinterpret_cast<std::uint64_t*>(dst),
                    worker);
  }
}

template <class T>
void StridedCopy::run_as(const T* src, T* dst, const Worker& worker) const {
  const std::int64_t column_tiles = ceil_div(column_.size, tile_columns_);
  const std::int64_t tiles = column_tiles * ceil_div(row_.size, tile_rows_);
  const Worker::Range range = worker.share(outer_count_ * tiles);
  for (std::int64_t unit = range.begin; unit < range.end; ++unit) {
    const std::int64_t row = unit % tiles / column_tiles * tile_rows_;
    const std::int64_t column = unit % column_tiles * tile_columns_;
    std::int64_t from = src_offset_ + row * row_.src_stride + column * column_.src_stride;
    std::int64_t to = dst_offset_ + row * row_.dst_stride + column * column_.dst_stride;
    std::int64_t rest = unit / tiles;
    for (const Axis& axis : outer_) {
      const std::int64_t at = rest % axis.size;
      rest /= axis.size;
      from += at * axis.src_stride;
      to += at * axis.dst_stride;
    }
    copy_tile(src + from, dst + to, std::min(tile_rows_, row_.size - row),
              std::min(tile_columns_, column_.size - column));
  }
}

template <class T>
void StridedCopy::copy_tile(const T* src, T* dst, std::int64_t rows, std::int64_t columns) const {
  if (contiguous()) {
    for (std::int64_t r = 0; r < rows; ++r) {
      std::memcpy(dst + r * row_.dst_stride, src + r * row_.src_stride,
                  static_cast<std::size_t>(columns) * sizeof(T));
    }
  } else if (row_.src_stride == 1 && column_.dst_stride == 1 && row_.dst_stride == columns && columns >= 2 &&
             columns <= 4) {
    const auto planes_of = columns == 2   ? &interleave<2, T>
                           : columns == 3 ? &interleave<3, T>
                                          : &interleave<4, T>;
    planes_of(src, column_.src_stride, rows, dst);
  } else if (columns < rows) {
    // A few channels beside many pixels: the long way inside.
    for (std::int64_t c = 0; c < columns; ++c) {
      const T* from = src + c * column_.src_stride;
      T* to = dst + c * column_.dst_stride;
      for (std::int64_t r = 0; r < rows; ++r) to[r * row_.dst_stride] = from[r * row_.src_stride];
    }
  } else {
    for (std::int64_t c = 0; c < columns; c += kBlock) {
      for (std::int64_t r = 0; r < rows; r += kBlock) {
        copy_block(src + r * row_.src_stride + c * column_.src_stride,
                   dst + r * row_.dst_stride + c * column_.dst_stride, std::min(kBlock, rows - r),
                   std::min(kBlock, columns - c));
      }
    }
  }
}

template <class T>
void StridedCopy::copy_block(const T* src, T* dst, std::int64_t rows, std::int64_t columns) const {
  for (std::int64_t r = 0; r < rows; ++r) {
    const T* from = src + r * row_.src_stride;
    T* to = dst + r * row_.dst_stride;
    for (std::int64_t c = 0; c < columns; ++c) to[c * column_.dst_stride] = from[c * column_.src_stride];
  }
}

std::unique_ptr<Executable> make_copies(std::span<const CopyPart> parts, std::size_t element_size) {
  return std::make_unique<CopyExecutable>(parts, element_size);
}

}  // namespace godwit::ops
