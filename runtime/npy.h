// NumPy's .npy files: one tensor each, read and written.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "runtime/output_file.h"
#include "runtime/tensor.h"

namespace godwit {

// Reads format versions 1 to 3, little-endian, C order; "|V2" and "<V2" are bf16. Throws Error naming the
// path: no .npy file, Fortran order, another element type, a size that is not the file's.
Tensor read_npy(const std::string& path);

// Writes version 1.0. `tensor` must be in nchw (row-major) layout. The file appears when it is complete.
void write_npy(const std::string& path, const TensorView& tensor);

// Writes a file of f32 or u8 piece by piece; its whole shape is known before the first value.
class NpyWriter {
 public:
  NpyWriter(const std::string& path, const Shape& shape, DType dtype = DType::f32);
  // The next values in row-major order, of the file's dtype. Throws Error when the shape has no room for
  // them.
  void append(std::span<const float> values) { append(values.data(), values.size(), DType::f32); }
  void append(std::span<const std::uint8_t> values) { append(values.data(), values.size(), DType::u8); }
  // Call once, after all values: the file appears under its name. Throws Error when some are missing.
  void finish();

 private:
  void append(const void* values, std::size_t count, DType dtype);

  OutputFile file_;
  std::string path_;
  DType dtype_;
  std::int64_t missing_ = 0;
};

}  // namespace godwit
