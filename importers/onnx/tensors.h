// ONNX tensors become godwit tensors: views over mapped files where alignment permits, copies elsewhere.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "importers/onnx/wire.h"
#include "runtime/memory.h"
#include "runtime/tensor.h"

namespace godwit::importers {

// The element type with this TensorProto.DataType number. Throws Error naming the type when it is not
// supported.
DType require_dtype(int onnx_code);

// Throws Error for text that is not valid UTF-8; `what` says what the text is. Names, which are shown on
// terminals, must have no control characters either.
void check_text(std::string_view text, std::string_view what);
void check_name(std::string_view name, std::string_view what);

// Reads the tensors of one model; external files are mapped once each. All sizes are checked before use.
class TensorReader {
 public:
  TensorReader(std::shared_ptr<const MappedFile> model, std::filesystem::path folder)
      : model_(std::move(model)), folder_(std::move(folder)) {}

  Tensor read(const Initializer& initializer);
  // A tensor inside an attribute, parsed whole.
  Tensor read(const onnx::Tensor& proto);
  // Paths of the external files read so far, sorted.
  std::vector<std::string> files() const;

 private:
  Tensor read_external(const onnx::Tensor& proto, const TensorDesc& desc);

  std::shared_ptr<const MappedFile> model_;
  std::filesystem::path folder_;
  std::map<std::string, std::shared_ptr<const MappedFile>> external_;
};

}  // namespace godwit::importers
