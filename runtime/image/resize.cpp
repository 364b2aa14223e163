// Two separable passes, columns first, with 8-bit pixels between them. A row is shrunk across as soon as it
// is read, and kept in a ring. The ring holds as many rows as one row of the result mixes, and is mixed down
// when the last is there.
#include "runtime/image/resize.h"

#include <algorithm>

#include "runtime/memory.h"

namespace godwit::image {

void Resizer::plan(int src_width, int src_height, std::int64_t width, std::int64_t height,
                   const Window& window, Filter filter) {
  const std::int64_t left = std::max<std::int64_t>(window.left, 0);
  const std::int64_t top = std::max<std::int64_t>(window.top, 0);
  const std::int64_t columns = std::min(window.left + window.width, width) - left;
  const std::int64_t rows = std::min(window.top + window.height, height) - top;
  region_ = {};
  inside_ = {};
  if (columns <= 0 || rows <= 0) return;
  inside_.left = static_cast<int>(left - window.left);
  inside_.top = static_cast<int>(top - window.top);
  inside_.right = inside_.left + static_cast<int>(columns);
  inside_.bottom = inside_.top + static_cast<int>(rows);

  make_weights(filter, src_width, width, left, static_cast<int>(columns), across_);
  make_weights(filter, src_height, height, top, static_cast<int>(rows), down_);
  region_ = {across_.first, down_.first, across_.last, down_.last};
  pack_across();

  ring_rows_ = 1;
  for (const Weights::Taps& taps : down_.taps) ring_rows_ = std::max(ring_rows_, taps.count);
  row_bytes_ = align_up(static_cast<std::size_t>(count_) * 3 + kAcrossSlack, kDownUnit);
  ring_.resize(static_cast<std::size_t>(ring_rows_) * row_bytes_);
  row_.resize(row_bytes_);
  taps_.resize(static_cast<std::size_t>(ring_rows_));
}

// Weights in the order in which the loops read them.
void Resizer::pack_across() {
  int most = 1;
  for (const Weights::Taps& taps : across_.taps) most = std::max(most, taps.count);
  pairs_ = (most + kTapPair - 1) / kTapPair;
  const std::size_t count = align_up(across_.taps.size(), kAcrossUnit);
  const auto pairs = static_cast<std::size_t>(pairs_);
  const std::size_t stride = pairs * kTapPair;
  count_ = static_cast<int>(count);
  first_.assign(count, across_.first);
  values_.assign(count * stride, 0);
  parts_.assign(count * pairs * 16, 0);
  for (std::size_t i = 0; i < across_.taps.size(); ++i) {
    const Weights::Taps& taps = across_.taps[i];
    if (taps.count == 0) continue;
    first_[i] = taps.first;
    // Places of eight pixels: i % 4 names the pair, i / 4 % 2 the one in it.
    std::int16_t* const parts = parts_.data() + (i / kAcrossUnit * 4 + i % 4) * pairs * 32 + i / 4 % 2 * 8;
    for (std::size_t k = 0; k < static_cast<std::size_t>(taps.count); ++k) {
      const std::int32_t weight = across_.of(i)[k];
      values_[i * stride + k] = weight;
      std::int16_t* const low = parts + k / 2 * 32 + k % 2;
      for (std::size_t c = 0; c < 4; ++c) {
        low[2 * c] = static_cast<std::int16_t>(weight & ((1 << kLowBits) - 1));
        low[16 + 2 * c] = static_cast<std::int16_t>(weight >> kLowBits);
      }
    }
  }
}

void Resizer::run(Rows& rows, FunctionRef<void(int y, const std::uint8_t* row)> each) {
  if (inside_.height() <= 0) return;
  const Region given = rows.select(region_);
  // The loops read beyond the last tap: behind the last pixel there must be something, of weight 0.
  const std::size_t beyond = static_cast<std::size_t>(pairs_) * kTapPair + kTapsRead;
  source_.resize((static_cast<std::size_t>(given.width()) + beyond) * 4);
  for (std::int32_t& first : first_) first -= given.left;
  int next = region_.top;  // row to read
  for (int y = 0; y < inside_.height(); ++y) {
    const Weights::Taps& taps = down_.taps[static_cast<std::size_t>(y)];
    for (; next < taps.first + taps.count; ++next) {
      rows.read(source_.data());
      std::uint8_t* dst = ring_.data() + static_cast<std::size_t>(next % ring_rows_) * row_bytes_;
      kernels_.across({source_.data(), first_.data(), values_.data(), parts_.data(), pairs_, count_, dst});
    }
    if (taps.count == 0) {
      std::ranges::fill(row_, std::uint8_t{0});
    } else {
      for (int k = 0; k < taps.count; ++k) {
        taps_[static_cast<std::size_t>(k)] =
            ring_.data() + static_cast<std::size_t>((taps.first + k) % ring_rows_) * row_bytes_;
      }
      kernels_.down(
          {taps_.data(), down_.of(static_cast<std::size_t>(y)), taps.count, row_bytes_, row_.data()});
    }
    each(inside_.top + y, row_.data());
  }
  rows.finish();
}

Image resize_window(const Image& image, std::int64_t width, std::int64_t height, const Window& window,
                    Filter filter, Isa cap) {
  Image result{window.width, window.height, {}};
  const auto result_width = static_cast<std::size_t>(window.width);
  result.pixels.resize(result_width * static_cast<std::size_t>(window.height) * 3);
  Resizer resizer(cap);
  resizer.plan(image.width, image.height, width, height, window, filter);
  const auto left = static_cast<std::size_t>(resizer.inside().left);
  const auto columns = static_cast<std::size_t>(resizer.inside().width());
  ImageRows rows(image);
  resizer.run(rows, [&](int y, const std::uint8_t* row) {
    std::uint8_t* dst = result.pixels.data() + (static_cast<std::size_t>(y) * result_width + left) * 3;
    std::copy_n(row, 3 * columns, dst);
  });
  return result;
}

}  // namespace godwit::image
