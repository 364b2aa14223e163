// One tensor from a TensorProto file, as ONNX's test folders hold their inputs and outputs.
#include <fmt/format.h>
#include <limits>
#include <memory>

#include "importers/importer.h"
#include "importers/onnx/tensors.h"
#include "runtime/error.h"
#include "runtime/memory.h"

namespace godwit::importers {

Tensor load_tensor(const std::string& path) {
  const auto file = std::make_shared<const MappedFile>(path);  // its errors name the path
  return with_context([&] { return fmt::format("'{}'", path); },
                      [&] {
                        onnx::Tensor proto;
                        const std::size_t limit = std::numeric_limits<int>::max();
                        if (file->size() > limit ||
                            !proto.ParseFromArray(file->data(), static_cast<int>(file->size())) ||
                            !proto.has_data_type()) {
                          throw Error("the file is not an ONNX tensor (TensorProto)");
                        }
                        if (proto.external_data_size() > 0 || proto.data_location() != 0) {
                          throw Error("the tensor's data lies in another file, expected it in this one");
                        }
                        TensorReader reader(file, {});
                        return reader.read(proto);
                      });
}

}  // namespace godwit::importers
