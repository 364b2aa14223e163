// Scalar convolution and matrix products of 8-bit integers.
#include "ops/integer_products.h"

#include <fmt/format.h>

#include "ops/broadcast.h"
#include "ops/quantization.h"
#include "ops/window.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

// The op on real numbers of the same shapes.
class RealProduct {
 public:
  RealProduct(const NodeView& node, std::string_view op, std::size_t a, std::size_t b,
              const Attributes& attributes)
      : op_(*find_op(op)),
        descs_{node.input(a), node.input(b)},
        operands_{{&descs_[0], nullptr}, {&descs_[1], nullptr}},
        view_{node.name, attributes, operands_, 1, node.outputs, {}} {
    for (TensorDesc& desc : descs_) desc.dtype = DType::f32;
  }
  RealProduct(const RealProduct&) = delete;
  RealProduct& operator=(const RealProduct&) = delete;

  Shape shape() const { return infer(op_, view_)[0].shape; }
  Cost cost() const { return op_.cost(view_); }

 private:
  const OpDef& op_;
  TensorDesc descs_[2];
  Operand operands_[2];
  NodeView view_;
};

const Attributes kNone;

}  // namespace

std::int32_t byte_at(const TensorView& tensor, std::int64_t i) {
  if (!tensor.present()) return 0;
  return tensor.desc.dtype == DType::u8 ? std::int32_t{tensor.as<const std::uint8_t>()[i]}
                                        : std::int32_t{tensor.as<const std::int8_t>()[i]};
}

std::int32_t byte_for(const TensorView& list, std::int64_t i) {
  return list.present() ? byte_at(list, list.desc.shape.elements() == 1 ? 0 : i) : 0;
}

void require_bytes(const NodeView& node, std::size_t i) {
  const DType dtype = node.input(i).dtype;
  if (dtype == DType::u8 || dtype == DType::s8) return;
  throw Error(fmt::format("input {} is {}, expected u8 or s8", i, name_of(dtype)));
}

void require_dtype(const NodeView& node, std::size_t i, DType dtype) {
  if (node.input(i).dtype == dtype) return;
  throw Error(fmt::format("input {} is {}, expected {}", i, name_of(node.input(i).dtype), name_of(dtype)));
}

void require_numbers(const NodeView& node, std::size_t i, std::int64_t count) {
  if (!node.has_input(i) || !node.shape(i).known()) return;
  const std::int64_t numbers = node.shape(i).elements();
  if (node.shape(i).rank() <= 1 && (numbers == 1 || !is_known(count) || numbers == count)) return;
  throw Error(fmt::format("input {} has shape {}, expected one number{}", i, node.shape(i).to_string(),
                          is_known(count) && count != 1 ? fmt::format(" or {}", count) : ""));
}

Shape integer_conv_shape(const NodeView& node, std::size_t src, std::size_t weights) {
  return RealProduct(node, "Conv", src, weights, node.attributes).shape();
}

Shape integer_mat_mul_shape(const NodeView& node, std::size_t a, std::size_t b) {
  return RealProduct(node, "MatMul", a, b, kNone).shape();
}

Cost integer_conv_cost(const NodeView& node, std::size_t src, std::size_t weights) {
  return RealProduct(node, "Conv", src, weights, node.attributes).cost();
}

Cost integer_mat_mul_cost(const NodeView& node, std::size_t a, std::size_t b) {
  return RealProduct(node, "MatMul", a, b, kNone).cost();
}

void integer_conv(const NodeView& node, const IntegerProduct& product, const IntegerResult& result) {
  const Shape& shape = product.src.desc.shape;
  const Shape& weights = product.weights.desc.shape;
  const Window window = window_of(node.attributes, shape.dims().subspan(2), weights.dims().subspan(2));
  const std::int64_t group = node.attributes.integer("group", 1);
  const std::int64_t channels = weights[1], out_channels = weights[0];
  const std::int32_t src_zero = byte_for(product.src_zero, 0);
  std::int64_t i = 0;
  for (std::int64_t n = 0; n < shape[0]; ++n) {
    for (std::int64_t oc = 0; oc < out_channels; ++oc) {
      const std::int32_t weight_zero = byte_for(product.weight_zero, oc);
      const std::int64_t first = n * shape[1] + oc / (out_channels / group) * channels;
      for (std::int64_t o = 0; o < window.outputs(); ++o, ++i) {
        const WindowPosition at = window.position_of(o);
        std::uint32_t sum = 0;
        for (std::int64_t c = 0; c < channels; ++c) {
          const std::int64_t plane = (first + c) * window.inputs();
          const std::int64_t kernel = (oc * channels + c) * window.taps();
          for_each_tap(window, at, [&](std::int64_t element, std::int64_t tap) {
            const std::int32_t x = byte_at(product.src, plane + element) - src_zero;
            const std::int32_t y = byte_at(product.weights, kernel + tap) - weight_zero;
            sum += static_cast<std::uint32_t>(x * y);
          });
        }
        result(i, oc, static_cast<std::int32_t>(sum));
      }
    }
  }
}

void integer_mat_mul(const IntegerProduct& product, const Shape& dst, const IntegerResult& result) {
  const Shape &a = product.src.desc.shape, &b = product.weights.desc.shape;
  const std::int64_t rows = a.rank() < 2 ? 1 : a[a.rank() - 2], depth = a[a.rank() - 1];
  const std::int64_t columns = b.rank() < 2 ? 1 : b[b.rank() - 1];
  const auto batch_of = [](const Shape& shape) {
    Shape batch;
    for (int axis = 0; axis < shape.rank() - 2; ++axis) batch.append(shape[axis]);
    return batch;
  };
  const Shape batch = broadcast_shapes(batch_of(a), batch_of(b));
  BroadcastIndex at_a(batch, batch_of(a)), at_b(batch, batch_of(b));
  std::int64_t i = 0;
  for (std::int64_t matrix = 0; i < dst.elements(); ++matrix, at_a.next(), at_b.next()) {
    for (std::int64_t m = 0; m < rows; ++m) {
      for (std::int64_t n = 0; n < columns; ++n, ++i) {
        std::uint32_t sum = 0;
        for (std::int64_t k = 0; k < depth; ++k) {
          const std::int32_t x =
              byte_at(product.src, (at_a.offset() * rows + m) * depth + k) - byte_for(product.src_zero, m);
          const std::int32_t y = byte_at(product.weights, (at_b.offset() * depth + k) * columns + n) -
                                 byte_for(product.weight_zero, n);
          sum += static_cast<std::uint32_t>(x * y);
        }
        result(i, n, static_cast<std::int32_t>(sum));
      }
    }
  }
}

void store_quantized(const TensorView& dst, std::int64_t i, float value, std::int32_t zero_point) {
  if (dst.desc.dtype == DType::u8) {
    dst.as<std::uint8_t>()[i] = to_quantized<std::uint8_t>(value, static_cast<std::uint8_t>(zero_point));
  } else {
    dst.as<std::int8_t>()[i] = to_quantized<std::int8_t>(value, static_cast<std::int8_t>(zero_point));
  }
}

}  // namespace godwit::ops
