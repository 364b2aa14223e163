// Shape arithmetic with every size checked, and tensor storage.
#include "runtime/tensor.h"

#include <algorithm>
#include <fmt/format.h>
#include <mutex>

#include "runtime/counted.h"
#include "runtime/error.h"
#include "runtime/memory.h"

namespace godwit {

Shape::Shape(std::initializer_list<std::int64_t> dims) : Shape(std::span(dims.begin(), dims.size())) {}

Shape::Shape(std::span<const std::int64_t> dims) {
  for (const std::int64_t dim : dims) append(dim);
}

Shape Shape::unranked() {
  Shape shape;
  shape.rank_ = -1;
  return shape;
}

void Shape::append(std::int64_t dim) {
  if (rank_ >= kMaxRank) throw Error(fmt::format("a tensor has more than {} dimensions", kMaxRank));
  dims_[static_cast<std::size_t>(rank_++)] = dim;
}

bool Shape::known() const { return ranked() && std::ranges::all_of(dims(), is_known); }

bool Shape::bounded() const { return std::ranges::any_of(dims(), is_bounded); }

Shape Shape::at_bounds() const {
  Shape shape = *this;
  for (int axis = 0; axis < rank_; ++axis) shape[axis] = bound_of(shape[axis]);
  return shape;
}

std::int64_t Shape::elements() const {
  std::int64_t count = 1;
  for (const std::int64_t dim : dims()) {
    if (__builtin_mul_overflow(count, dim, &count)) {
      throw Error(fmt::format("shape {} has more elements than fit in 63 bits", to_string()));
    }
  }
  return count;
}

std::int64_t Shape::product(int begin, int end) const {
  std::int64_t count = 1;
  for (int axis = begin; axis < end; ++axis) count *= (*this)[axis];
  return count;
}

bool Shape::operator==(const Shape& other) const {
  return rank_ == other.rank_ && std::ranges::equal(dims(), other.dims());
}

std::string Shape::to_string() const {
  if (!ranked()) return "unranked";
  if (rank_ == 0) return "scalar";
  std::string text;
  for (const std::int64_t dim : dims()) {
    if (!text.empty()) text += 'x';
    text += is_known(dim)     ? fmt::format("{}", dim)
            : is_bounded(dim) ? fmt::format("<={}", bound_of(dim))
                              : "?";
  }
  return text;
}

const char* name_of(Layout layout) { return layout == Layout::nchw ? "nchw" : "nhwc"; }

std::size_t TensorDesc::bytes() const {
  std::size_t bytes = 0;
  if (__builtin_mul_overflow(static_cast<std::size_t>(shape.elements()), size_of(dtype), &bytes)) {
    throw Error(fmt::format("a tensor of {} {} does not fit in memory", shape.to_string(), name_of(dtype)));
  }
  return bytes;
}

std::size_t TensorDesc::most_bytes() const { return TensorDesc{dtype, shape.at_bounds(), layout}.bytes(); }

std::string TensorDesc::to_string() const {
  std::string text = fmt::format("{} {}", name_of(dtype), shape.to_string());
  if (layout == Layout::nhwc) text += " nhwc";
  return text;
}

Tensor::Tensor(const TensorDesc& desc) : desc_(desc) {
  auto block = allocate_aligned(desc.most_bytes());
  data_ = block.get();
  owner_ = std::move(block);
  if (desc.shape.bounded()) capacity_ = desc.most_bytes();
}

Tensor::Tensor(const TensorDesc& desc, const void* data, std::shared_ptr<const void> owner)
    : desc_(desc), data_(const_cast<void*>(data)), owner_(std::move(owner)) {}

class Tensor::Source {
 public:
  explicit Source(std::function<std::shared_ptr<const void>()> make) : make_(std::move(make)) {}

  std::shared_ptr<const void> bytes() {
    const std::lock_guard lock(mutex_);
    return made();
  }
  const void* keep() {
    const std::lock_guard lock(mutex_);
    kept_ = made();
    return kept_.get();
  }

 private:
  std::shared_ptr<const void> made() {
    std::shared_ptr<const void> bytes = last_.lock();
    if (bytes == nullptr) {
      bytes = make_();
      last_ = bytes;
    }
    return bytes;
  }

  std::function<std::shared_ptr<const void>()> make_;
  std::mutex mutex_;
  std::weak_ptr<const void> last_;
  std::shared_ptr<const void> kept_;
};

Tensor Tensor::on_demand(const TensorDesc& desc, std::function<std::shared_ptr<const void>()> make) {
  Tensor tensor;
  tensor.desc_ = desc;
  tensor.source_ = std::make_shared<Source>(std::move(make));
  return tensor;
}

const void* Tensor::kept_bytes() const { return source_->keep(); }

Tensor Tensor::resident() const {
  if (source_ == nullptr) return *this;
  std::shared_ptr<const void> bytes = source_->bytes();
  const void* data = bytes.get();
  return Tensor(desc_, data, std::move(bytes));
}

const void* Tensor::identity() const {
  return source_ == nullptr ? data_ : static_cast<const void*>(source_.get());
}

Tensor Tensor::reshaped(const Shape& shape) const {
  require_elements(shape, static_cast<std::size_t>(desc_.shape.elements()));
  Tensor result = *this;
  result.desc_.shape = shape;
  return result;
}

void require_elements(const Shape& shape, std::size_t count) {
  if (!shape.known() || static_cast<std::size_t>(shape.elements()) != count) {
    throw Error(fmt::format("{} cannot fill shape {}", counted(count, "value"), shape.to_string()));
  }
}

}  // namespace godwit
