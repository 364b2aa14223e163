// Images are decoded a handful at a time by all threads, then handed on one batch after the other.
#include "tools/vision/calibration_images.h"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>

#include "runtime/error.h"
#include "runtime/sha256.h"
#include "runtime/threads.h"
#include "tools/vision/failure_text.h"
#include "tools/vision/image_input.h"

namespace godwit::vision {
namespace {

constexpr std::size_t kImagesPerThread = 4;  // decoded before any goes on
constexpr std::size_t kDigestLength = 16;

}  // namespace

std::vector<std::string> spread(const std::vector<std::string>& paths, std::size_t count) {
  if (count >= paths.size()) return paths;
  std::vector<std::string> chosen;
  for (std::size_t i = 0; i < count; ++i) chosen.push_back(paths[i * paths.size() / count]);
  return chosen;
}

std::string content_digest(const std::string& path) { return sha256_of_file(path).substr(0, kDigestLength); }

CalibrationReader::CalibrationReader(std::vector<std::string> paths, const image::Pipeline& pipeline,
                                     const image::PreprocessOptions& reading, int threads, const Seen& seen)
    : paths_(std::move(paths)),
      pipeline_(pipeline),
      reading_(reading),
      threads_(threads),
      preprocessors_(static_cast<std::size_t>(threads)) {
  std::vector<std::string> good;
  std::vector<Pixels> pixels;
  std::vector<Note> notes;
  for (std::size_t first = 0; first < paths_.size(); first += notes.size()) {
    read(first, pixels, notes);
    for (std::size_t i = 0; i < notes.size(); ++i) {
      const std::string& path = paths_[first + i];
      if (seen) seen(path, notes[i].error);
      if (notes[i].error.empty()) good.push_back(path);
      if (!notes[i].warnings.empty()) warned_.push_back({path, std::move(notes[i].warnings)});
    }
  }
  failed_ = paths_.size() - good.size();
  if (good.empty()) {
    throw Error(paths_.empty() ? "there are no images to calibrate on"
                               : fmt::format("none of the {} images can be read", paths_.size()));
  }
  paths_ = std::move(good);
}

// Reads as many images as the threads take at once, from `first` on.
void CalibrationReader::read(std::size_t first, std::vector<Pixels>& pixels, std::vector<Note>& notes) const {
  const std::size_t count =
      std::min(paths_.size() - first, kImagesPerThread * static_cast<std::size_t>(threads_));
  const std::size_t size = pipeline_.elements();
  pixels.resize(count);
  notes.assign(count, {});
  run_team(threads_, [&](const Worker& worker) {
    auto& preprocessor = preprocessors_[static_cast<std::size_t>(worker.index)];
    for (auto i = static_cast<std::size_t>(worker.index); i < count;
         i += static_cast<std::size_t>(worker.count)) {
      try {
        if (preprocessor == nullptr)
          preprocessor = std::make_unique<image::Preprocessor>(pipeline_, reading_);
        pixels[i].resize(size);
        preprocessor->run(paths_[first + i], Layout::nhwc, std::span<float>(pixels[i]));
        notes[i].warnings = preprocessor->warnings();
      } catch (const std::exception& error) {
        notes[i].error = failure_text(error);
      }
    }
  });
}

engine::CalibrationImages CalibrationReader::images(const engine::Graph& graph,
                                                    const engine::CompileOptions& compile,
                                                    const std::function<void()>& each_image) const {
  engine::CalibrationImages result;
  result.compile = compile;
  const std::int64_t batch = set_image_input(graph, pipeline_, 0, 1, result.compile);
  const std::string& input = graph.value(graph.inputs.front()).name;
  TensorDesc desc{DType::f32, result.compile.shapes.at(input), Layout::nchw};
  if (const auto layout = result.compile.input_layouts.find(input);
      layout != result.compile.input_layouts.end()) {
    desc.layout = layout->second;
  }
  result.batches = [this, each_image, desc, batch = static_cast<std::size_t>(batch)](const auto& each) {
    Tensor tensor(desc);
    const std::span<float> all = tensor.mutable_values<float>();
    const std::size_t size = all.size() / batch;
    std::size_t filled = 0;
    std::vector<Pixels> pixels;
    std::vector<Note> notes;
    // Returns the number of images that the batch holds then.
    const auto put = [&](const Pixels& image) -> std::size_t {
      std::ranges::copy(image, all.subspan(filled * size, size).begin());
      if (filled + 1 < batch) return filled + 1;
      each(std::span<const Tensor>(&tensor, 1));
      return 0;
    };
    for (std::size_t first = 0; first < paths_.size(); first += pixels.size()) {
      read(first, pixels, notes);
      for (std::size_t i = 0; i < pixels.size(); ++i) {
        if (!notes[i].error.empty()) throw Error(notes[i].error);  // it could be read a moment ago
        filled = put(pixels[i]);
        if (each_image) each_image();
      }
    }
    for (std::size_t first = 0; filled > 0; first = (first + pixels.size()) % paths_.size()) {
      read(first, pixels, notes);
      for (std::size_t i = 0; i < pixels.size() && filled > 0; ++i) filled = put(pixels[i]);
    }
  };
  return result;
}

std::set<std::string> CalibrationReader::digests() const {
  std::set<std::string> result;
  for (const std::string& path : paths_) result.insert(content_digest(path));
  return result;
}

std::string CalibrationReader::digest_of_names() const {
  std::vector<std::string> names;
  for (const std::string& path : paths_) names.push_back(std::filesystem::path(path).filename().string());
  std::ranges::sort(names);
  Sha256 sha;
  for (const std::string& name : names) {
    sha.update(name.data(), name.size());
    sha.update("\n", 1);
  }
  return sha.finish();
}

}  // namespace godwit::vision
