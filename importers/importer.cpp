// The table of importers, and the choice by file name.
#include "importers/importer.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <fmt/format.h>

#include "importers/onnx/reader.h"
#include "importers/tfjs/reader.h"
#include "runtime/error.h"

namespace godwit::importers {
namespace {

constexpr std::array kImporters = {
    Importer{"onnx", "ONNX models, opsets 1 to 27, with or without external data", ".onnx", load_onnx},
    Importer{"tfjs", "TensorFlow.js layers-models: model.json beside its weight shards", ".json", load_tfjs},
};

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

}  // namespace

std::span<const Importer> importers() { return kImporters; }

engine::Graph load(const std::string& path) {
  const std::filesystem::path file(path);
  const std::string extension = lower(file.extension().string());
  const auto importer = std::ranges::find(kImporters, extension, &Importer::extension);
  if (importer == kImporters.end()) {
    std::string known;
    for (const Importer& each : kImporters)
      known += fmt::format("{}{}", known.empty() ? "" : " or ", each.extension);
    throw Error(fmt::format("cannot tell the format of '{}' from its name, expected one that ends in {}",
                            path, known));
  }
  return with_context([&] { return fmt::format("importing {}", file.filename().string()); },
                      [&] { return importer->load(path); });
}

}  // namespace godwit::importers
