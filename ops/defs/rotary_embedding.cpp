// RotaryEmbedding: pairs of elements of each head turned by the angle of their position; pairs are the two
// halves of the rotated part or, interleaved, neighbours.
#include <algorithm>
#include <fmt/format.h>
#include <vector>

#include "ops/arithmetic.h"
#include "ops/attention.h"
#include "ops/axes.h"
#include "runtime/counted.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

std::int64_t heads_of(const NodeView& node, const Shape& shape) {
  return shape.rank() == 4 ? shape[1] : node.attributes.integer("num_heads", 0);
}

// Elements of a head that are turned; kAnyDim while its size is not known.
std::int64_t rotated_of(const NodeView& node, const Shape& shape) {
  const std::int64_t given = node.attributes.integer("rotary_embedding_dim", 0);
  const std::int64_t columns = shape[shape.rank() - 1];
  const std::int64_t size = !is_known(columns)  ? kAnyDim
                            : shape.rank() == 4 ? columns
                                                : columns / heads_of(node, shape);
  if (given < 0 || (is_known(size) && given > size))
    throw Error(fmt::format("attribute 'rotary_embedding_dim' is {}, expected 0 to {}", given, size));
  const std::int64_t rotated = given == 0 ? size : given;
  if (is_known(rotated) && rotated % 2 != 0)
    throw Error(fmt::format("{} elements of a head are turned, expected an even number", rotated));
  return rotated;
}

std::vector<TensorDesc> infer_rotary_embedding(const NodeView& node) {
  std::vector<Operand> numbers(node.inputs.begin(), node.inputs.begin() + 3);
  NodeView alike = node;
  alike.inputs = numbers;
  require_one_dtype(alike, kFloatTypes);
  require_rank(node, 0, 3, 4);
  (void)node.attributes.flag("interleaved", false);
  const Shape& shape = node.shape(0);
  const bool by_position = node.has_input(3);
  if (by_position) {
    if (node.input(3).dtype != DType::s64)
      throw Error(fmt::format("input 3 (position_ids) is {}, expected s64", name_of(node.input(3).dtype)));
    require_rank(node, 3, 2, 2);
  }
  for (std::size_t i = 1; i <= 2; ++i) {
    require_rank(node, i, by_position ? 2 : 3, by_position ? 2 : 3);
    if (node.shape(i).ranked() && node.shape(i)[0] == 0) throw Error("the tables of angles are empty");
  }
  if (!shape.ranked()) return {{node.input(0).dtype, shape, Layout::nchw}};
  const std::int64_t heads = heads_of(node, shape);
  if (shape.rank() == 3 && heads < 1)
    throw Error("an operand of three dimensions needs attribute 'num_heads'");
  if (shape.rank() == 3 && is_known(shape[2]) && shape[2] % heads != 0)
    throw Error(fmt::format("{} cannot be divided into {} heads", counted(shape[2], "column"), heads));
  const std::int64_t rotated = rotated_of(node, shape), rows = shape[shape.rank() - 2];
  for (std::size_t i = 1; i <= 2; ++i) {
    const Shape& cache = node.shape(i);
    if (!cache.ranked()) continue;
    require_dim(fmt::format("the last dimension of input {}", i), cache[cache.rank() - 1],
                is_known(rotated) ? rotated / 2 : kAnyDim);
    if (by_position) continue;
    require_dim(fmt::format("dimension 0 of input {}", i), cache[0], shape[0]);
    require_dim(fmt::format("dimension 1 of input {}", i), cache[1], rows);
  }
  if (by_position && node.shape(3).ranked()) {
    require_dim("dimension 0 of position_ids", node.shape(3)[0], shape[0]);
    require_dim("dimension 1 of position_ids", node.shape(3)[1], rows);
  }
  return {{node.input(0).dtype, shape, Layout::nchw}};
}

void reference(const NodeView& node, std::span<const TensorView> src, std::span<const TensorView> dst) {
  const Shape& shape = src[0].desc.shape;
  const std::int64_t heads = heads_of(node, shape), rotated = rotated_of(node, shape), half = rotated / 2;
  const std::int64_t size = shape.rank() == 4 ? shape[3] : shape[2] / heads;
  const std::int64_t rows = shape[shape.rank() - 2];
  const HeadStrides strides = head_strides(shape, heads);
  const bool interleaved = node.attributes.flag("interleaved", false);
  const bool by_position = src.size() > 3 && src[3].present();
  const std::int64_t positions = src[1].desc.shape[0];
  for (std::int64_t b = 0; b < shape[0]; ++b) {
    for (std::int64_t h = 0; h < heads; ++h) {
      for (std::int64_t row = 0; row < rows; ++row) {
        const std::int64_t first = b * strides.batch + h * strides.head + row * strides.row;
        std::int64_t angle = b * rows + row;
        // A position outside of the tables, which only the data shows, counts from their end or is the last.
        if (by_position) angle = src[3].as<const std::int64_t>()[angle];
        if (by_position)
          angle = std::clamp(angle < 0 ? angle + positions : angle, std::int64_t{0}, positions - 1);
        for (std::int64_t i = 0; i < half; ++i) {
          const double cosine = real_at(src[1], angle * half + i), sine = real_at(src[2], angle * half + i);
          const std::int64_t x = first + (interleaved ? 2 * i : i);
          const std::int64_t y = interleaved ? x + 1 : x + half;
          const double real = real_at(src[0], x), imaginary = real_at(src[0], y);
          set_real(dst[0], x, cosine * real - sine * imaginary);
          set_real(dst[0], y, sine * real + cosine * imaginary);
        }
        for (std::int64_t i = rotated; i < size; ++i) set_real(dst[0], first + i, real_at(src[0], first + i));
      }
    }
  }
}

}  // namespace

const OpDef& op_rotary_embedding() {
  static const OpDef def{
      .name = "RotaryEmbedding",
      .sentence = "pairs of elements of each head turned by their position",
      .since_opset = 23,
      .min_inputs = 3,
      .max_inputs = 4,
      .attributes = {{"interleaved", AttributeType::integer},
                     {"num_heads", AttributeType::integer},
                     {"rotary_embedding_dim", AttributeType::integer}},
      .infer = infer_rotary_embedding,
      .reference = reference,
      .cost = cost_per_element<3>,
  };
  return def;
}

}  // namespace godwit::ops
