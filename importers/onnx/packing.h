// Elements of 4 and 2 bits as ONNX files hold them: several in a byte, the first in its lowest bits.
#pragma once

#include <cstddef>
#include <span>

#include "runtime/tensor.h"

namespace godwit::importers {

// True for types whose elements share bytes in files.
inline bool is_packed(DType dtype) { return packed_bits_of(dtype) < 8; }
// Bytes that a tensor takes in a file. Throws Error on overflow.
std::size_t packed_bytes(const TensorDesc& desc);
// Takes is_packed() types; `bytes` has packed_bytes(desc) of them.
Tensor unpack(const TensorDesc& desc, std::span<const std::byte> bytes);
// The bytes as a list of u8.
Tensor pack(const Tensor& tensor);

}  // namespace godwit::importers
