// Moving a box of elements between two tensors by strides: what transposing, reordering, slicing,
// concatenating and broadcasting have in common.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "ops/implementation.h"
#include "ops/movement.h"
#include "runtime/threads.h"

namespace godwit::ops {

// One box: element `index` of it is read at src_offset + index * src_strides and written at dst_offset +
// index * dst_strides, all in elements. Strides of the source may be negative (reversed) or 0 (repeated).
struct CopyBox {
  Shape extent;
  Index src_strides{}, dst_strides{};
  std::int64_t src_offset = 0, dst_offset = 0;
};

// A box made ready: axes of one element dropped, axes that lie alike on both sides merged, and the work cut
// into units that members of a team share.
class StridedCopy {
 public:
  StridedCopy(const CopyBox& box, std::size_t element_size);
  // This member's share. Neither throws nor allocates.
  void run(const std::byte* src, std::byte* dst, const Worker& worker) const;

 private:
  struct Axis {
    std::int64_t size = 1, src_stride = 0, dst_stride = 0;
  };
  template <class T>
  void run_as(const T* src, T* dst, const Worker& worker) const;
  template <class T>
  void copy_tile(const T* src, T* dst, std::int64_t rows, std::int64_t columns) const;
  template <class T>
  void copy_block(const T* src, T* dst, std::int64_t rows, std::int64_t columns) const;
  bool contiguous() const { return column_.src_stride == 1 && column_.dst_stride == 1; }

  std::size_t element_size_ = 1;
  std::int64_t src_offset_ = 0, dst_offset_ = 0;
  std::vector<Axis> outer_;  // innermost first
  std::int64_t outer_count_ = 1;
  // The plane that is cut into tiles: columns are neighbours in dst, rows (as far as there are any) in src.
  Axis row_, column_;
  std::int64_t tile_rows_ = 1, tile_columns_ = 1;
};

// One operand's way to one result.
struct CopyPart {
  std::size_t src = 0, dst = 0;
  CopyBox box;
};

// An executable that does nothing but these copies; their boxes do not overlap in the results.
std::unique_ptr<Executable> make_copies(std::span<const CopyPart> parts, std::size_t element_size);

}  // namespace godwit::ops
