// One tensor from a TensorProto file, as ONNX's test folders hold their inputs and outputs.
#include <filesystem>
#include <fmt/format.h>

#include "importers/importer.h"
#include "importers/onnx/tensors.h"
#include "importers/onnx/wire.h"
#include "runtime/error.h"

namespace godwit::importers {

Tensor load_tensor(const std::string& path) {
  return with_context(
      [&] { return fmt::format("reading tensor {}", path); },
      [&] {
        const TensorFile file = read_tensor_file(path);
        // Tensors have their segment in the field in which sequences and optional values keep their elements.
        if (file.tensor.proto.has_segment())
          throw Error("the file holds something else than one tensor (a sequence?)");
        return TensorReader(file.file, std::filesystem::path(path).parent_path()).read(file.tensor);
      });
}

}  // namespace godwit::importers
