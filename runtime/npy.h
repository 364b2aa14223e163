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

// Writes an f32 file piece by piece; its whole shape is known before the first value.
class NpyWriter {
 public:
  NpyWriter(const std::string& path, const Shape& shape);
  // The next values in row-major order. Throws Error when the shape has no room for them.
  void append(std::span<const float> values);
  // Call once, after all values: the file appears under its name. Throws Error when some are missing.
  void finish();

 private:
  OutputFile file_;
  std::string path_;
  std::int64_t missing_ = 0;
};

}  // namespace godwit
