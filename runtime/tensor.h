// Shapes, memory layouts and tensors: what every floor passes around.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <limits>
#include <memory>
#include <span>
#include <string>

#include "runtime/dtype.h"

namespace godwit {

// A dimension is a size >= 0; or unknown: kAnyDim; or a symbol (kAnyDim - 1 - id), whose name the graph
// keeps; or a size that only the data decides, at_most(bound). Two dimensions with the same symbol are equal;
// two kAnyDim, or two with the same bound, are not known to be.
inline constexpr std::int64_t kAnyDim = -1;
constexpr bool is_known(std::int64_t dim) { return dim >= 0; }

// Bounds lie far below all symbols. A bound beyond kLargestBound, which no memory could hold, becomes that.
inline constexpr std::int64_t kBounds = std::numeric_limits<std::int64_t>::min();
inline constexpr std::int64_t kLargestBound = (std::int64_t{1} << 62) - 1;
constexpr std::int64_t at_most(std::int64_t bound) {
  return kBounds + (bound < kLargestBound ? bound : kLargestBound);
}
constexpr bool is_bounded(std::int64_t dim) { return dim <= kBounds + kLargestBound; }
constexpr bool is_symbol(std::int64_t dim) { return dim < kAnyDim && !is_bounded(dim); }
// The most that a known or bounded dimension can be.
constexpr std::int64_t bound_of(std::int64_t dim) { return is_bounded(dim) ? dim - kBounds : dim; }

inline constexpr int kMaxRank = 8;

// Up to kMaxRank dimensions, stored in place (copying never allocates). May be unranked: not even the number
// of dimensions is known.
class Shape {
 public:
  Shape() = default;                                // rank 0: a scalar
  Shape(std::initializer_list<std::int64_t> dims);  // throws Error beyond kMaxRank
  explicit Shape(std::span<const std::int64_t> dims);
  static Shape unranked();

  bool ranked() const { return rank_ >= 0; }
  int rank() const { return rank_; }
  std::int64_t operator[](int axis) const { return dims_[static_cast<std::size_t>(axis)]; }
  std::int64_t& operator[](int axis) { return dims_[static_cast<std::size_t>(axis)]; }
  void append(std::int64_t dim);  // throws Error beyond kMaxRank
  std::span<const std::int64_t> dims() const {
    return {dims_.data(), static_cast<std::size_t>(rank_ < 0 ? 0 : rank_)};
  }

  // Ranked, and every dimension known.
  bool known() const;
  // Some dimension is decided by the data only.
  bool bounded() const;
  // The same with bounds as sizes; known() where each dimension is known or bounded.
  Shape at_bounds() const;
  // The number of elements. Throws Error when it does not fit in 63 bits; requires known().
  std::int64_t elements() const;
  // The product of dimensions [begin, end); requires them known and elements() checked.
  std::int64_t product(int begin, int end) const;

  bool operator==(const Shape& other) const;
  // "1x3x224x224", "?x3x224x224", "2x<=12", "scalar", "unranked".
  std::string to_string() const;

 private:
  std::array<std::int64_t, kMaxRank> dims_{};
  int rank_ = 0;
};

// The order of a tensor's elements in memory. The shape always keeps ONNX's meaning (N, C, spatial…); nhwc
// says that the bytes are ordered N, spatial…, C. Only tensors of rank 3 and 4 can be nhwc; all others are
// nchw, which for them simply means row-major.
enum class Layout : std::uint8_t { nchw, nhwc };
const char* name_of(Layout layout);

struct TensorDesc {
  DType dtype = DType::f32;
  Shape shape;
  Layout layout = Layout::nchw;

  // Size in bytes; requires shape.known(), throws Error on overflow.
  std::size_t bytes() const;
  // The most that it can take: bytes() with bounds as sizes.
  std::size_t most_bytes() const;
  bool operator==(const TensorDesc&) const = default;
  // "f32 1x3x224x224 nhwc".
  std::string to_string() const;
};

// A description and bytes that somebody else keeps alive.
struct TensorView {
  TensorDesc desc;
  void* data = nullptr;

  bool present() const { return data != nullptr; }
  template <class T>
  T* as() const {
    return static_cast<T*>(data);
  }
  template <class T>
  std::span<T> values() const {
    return {static_cast<T*>(data), static_cast<std::size_t>(desc.shape.elements())};
  }
};

// A tensor that shares ownership of its bytes (an allocation, a mapped file, another tensor's). Constant
// tensors are shared freely and never written after they were filled.
class Tensor {
 public:
  Tensor() = default;
  // Uninitialised memory of its own: desc.most_bytes(). Throws Error when the size overflows or memory is
  // short.
  explicit Tensor(const TensorDesc& desc);
  // Bytes inside memory that `owner` keeps alive.
  Tensor(const TensorDesc& desc, const void* data, std::shared_ptr<const void> owner);

  // Bytes that need not stay in memory, since `make` can provide them again at any time: desc.bytes() of
  // them, the same each time. It is called by one thread at a time.
  static Tensor on_demand(const TensorDesc& desc, std::function<std::shared_ptr<const void>()> make);

  template <class T>
  static Tensor of(const Shape& shape, std::span<const T> values);
  template <class T>
  static Tensor of(const Shape& shape, std::initializer_list<T> values) {
    return of<T>(shape, std::span<const T>(values.begin(), values.size()));
  }

  const TensorDesc& desc() const { return desc_; }
  const Shape& shape() const { return desc_.shape; }
  DType dtype() const { return desc_.dtype; }
  std::size_t bytes() const { return desc_.bytes(); }
  bool empty() const { return data_ == nullptr && source_ == nullptr; }

  // Bytes on demand are made by the first call and stay from then on.
  const void* data() const { return source_ == nullptr ? data_ : kept_bytes(); }
  // The same tensor with its bytes in memory; those on demand may go when the last such tensor goes.
  Tensor resident() const;
  // Tells these bytes from all others for as long as a tensor holds them, without making them.
  const void* identity() const;
  // Only while this tensor is being filled by whoever allocated it.
  void* mutable_data() { return data_; }
  // Bytes that there is memory for; more than bytes() where a bounded size turned out smaller.
  std::size_t capacity() const { return capacity_ == kNoCapacity ? bytes() : capacity_; }
  // The sizes that data decided, for a tensor made for a bounded shape; its bytes stay. Never throws.
  void set_shape(const Shape& shape) { desc_.shape = shape; }
  template <class T>
  std::span<const T> values() const {
    return {static_cast<const T*>(data()), static_cast<std::size_t>(shape().elements())};
  }
  template <class T>
  std::span<T> mutable_values() {
    return {static_cast<T*>(data_), static_cast<std::size_t>(shape().elements())};
  }
  TensorView view() const { return {desc_, const_cast<void*>(data())}; }
  // The same bytes under another shape; the number of elements must be the same.
  Tensor reshaped(const Shape& shape) const;

 private:
  class Source;
  const void* kept_bytes() const;

  static constexpr std::size_t kNoCapacity = std::numeric_limits<std::size_t>::max();
  TensorDesc desc_;
  void* data_ = nullptr;
  std::shared_ptr<const void> owner_;
  std::shared_ptr<Source> source_;      // set: data_ and owner_ are not
  std::size_t capacity_ = kNoCapacity;  // of a tensor made for a bounded shape
};

// Throws Error unless `count` values fill `shape` exactly.
void require_elements(const Shape& shape, std::size_t count);

template <class T>
Tensor Tensor::of(const Shape& shape, std::span<const T> values) {
  require_elements(shape, values.size());
  Tensor tensor(TensorDesc{dtype_of<T>, shape, Layout::nchw});
  for (std::size_t i = 0; i < values.size(); ++i) static_cast<T*>(tensor.data_)[i] = values[i];
  return tensor;
}

}  // namespace godwit
