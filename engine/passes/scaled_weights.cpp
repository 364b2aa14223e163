// Products of weights and factors, in double, on demand.
#include "engine/passes/scaled_weights.h"

#include <memory>
#include <utility>

#include "runtime/memory.h"

namespace godwit::engine::passes {

Tensor scaled_weights(const Tensor& weights, std::vector<double> factors, std::size_t inner) {
  return Tensor::on_demand(weights.desc(), [weights, factors = std::move(factors), inner] {
    const Tensor original = weights.resident();
    const auto src = original.values<float>();
    const std::shared_ptr<std::byte> result = allocate_aligned(original.bytes());
    auto* dst = reinterpret_cast<float*>(result.get());
    std::size_t i = 0;
    while (i < src.size()) {
      for (const double factor : factors) {
        for (const std::size_t end = i + inner; i < end; ++i) {
          dst[i] = static_cast<float>(static_cast<double>(src[i]) * factor);
        }
      }
    }
    return std::shared_ptr<const void>(result);
  });
}

}  // namespace godwit::engine::passes
