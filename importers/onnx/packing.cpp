// Shifts and masks; integers get their sign back.
#include "importers/onnx/packing.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace godwit::importers {

std::size_t packed_bytes(const TensorDesc& desc) {
  const std::size_t bytes = desc.bytes();
  if (!is_packed(desc.dtype)) return bytes;
  const auto per_byte = static_cast<std::size_t>(8 / packed_bits_of(desc.dtype));
  return bytes / per_byte + (bytes % per_byte != 0 ? 1 : 0);
}

Tensor unpack(const TensorDesc& desc, std::span<const std::byte> bytes) {
  const int bits = packed_bits_of(desc.dtype), per_byte = 8 / bits;
  Tensor tensor(desc);
  visit_dtype(desc.dtype, [&]<class T>() {
    auto* dst = static_cast<std::uint8_t*>(tensor.mutable_data());
    for (std::size_t i = 0; i < desc.bytes(); ++i) {
      const auto at = i / static_cast<std::size_t>(per_byte);
      const int shift = static_cast<int>(i % static_cast<std::size_t>(per_byte)) * bits;
      const int code = std::to_integer<int>(bytes[at]) >> shift & ((1 << bits) - 1);
      if constexpr (requires { T::kMin; }) {
        const T value(code);
        std::memcpy(dst + i, &value, 1);
      } else {
        dst[i] = static_cast<std::uint8_t>(code);
      }
    }
  });
  return tensor;
}

Tensor pack(const Tensor& tensor) {
  const int bits = packed_bits_of(tensor.dtype()), per_byte = 8 / bits;
  const std::size_t size = packed_bytes(tensor.desc());
  Tensor packed({DType::u8, {static_cast<std::int64_t>(size)}, Layout::nchw});
  auto* dst = static_cast<std::uint8_t*>(packed.mutable_data());
  std::fill_n(dst, size, std::uint8_t{0});
  const auto* src = static_cast<const std::uint8_t*>(tensor.data());
  for (std::size_t i = 0; i < tensor.bytes(); ++i) {
    const int shift = static_cast<int>(i % static_cast<std::size_t>(per_byte)) * bits;
    std::uint8_t& byte = dst[i / static_cast<std::size_t>(per_byte)];
    byte = static_cast<std::uint8_t>(byte | (src[i] & ((1 << bits) - 1)) << shift);
  }
  return packed;
}

}  // namespace godwit::importers
