// Pixels as f32 first, then in the input's own type.
#include "tools/vision/image_tensor.h"

#include <cstdint>
#include <fmt/format.h>
#include <span>
#include <utility>

#include "runtime/error.h"
#include "runtime/image/preprocess.h"
#include "tools/vision/image_input.h"

namespace godwit::vision {
namespace {

Tensor converted(Tensor pixels, DType dtype) {
  if (dtype == DType::f32) return pixels;
  Tensor result(TensorDesc{dtype, pixels.shape(), Layout::nchw});
  const std::span<const float> src = std::as_const(pixels).values<float>();
  visit_dtype(dtype, [&]<class T>() {
    const std::span<T> dst = result.mutable_values<T>();
    for (std::size_t i = 0; i < dst.size(); ++i) dst[i] = static_cast<T>(src[i]);
  });
  return result;
}

image::Size common_size(const std::vector<std::string>& paths, const image::Pipeline& pipeline,
                        const image::PreprocessOptions& reading) {
  const image::Size first = image::resized_size(paths.front(), pipeline, reading);
  for (const std::string& path : paths) {
    const image::Size size = image::resized_size(path, pipeline, reading);
    if (size == first) continue;
    throw Error(fmt::format("'{}' is {}x{} and '{}' {}x{}; images of one batch have one size: pass --crop",
                            paths.front(), first.height, first.width, path, size.height, size.width));
  }
  return first;
}

}  // namespace

ImageTensor read_image_tensor(const std::vector<std::string>& paths, const engine::Graph& graph,
                              const engine::Value& input, image::Pipeline pipeline,
                              const image::PreprocessOptions& reading) {
  if (pipeline.crop.empty()) pipeline.crop = common_size(paths, pipeline, reading);
  const auto count = static_cast<std::int64_t>(paths.size());
  const ImageInput fit = fit_images(graph, input, input.desc.shape, pipeline, count, count);
  Tensor pixels(TensorDesc{DType::f32, fit.shape, Layout::nchw});
  ImageTensor result;
  image::Preprocessor preprocessor(pipeline, reading);
  const std::size_t size = pipeline.elements();
  for (std::size_t i = 0; i < paths.size(); ++i) {
    preprocessor.run(paths[i], fit.channels_first ? Layout::nchw : Layout::nhwc,
                     pixels.mutable_values<float>().subspan(i * size, size));
    result.warnings.push_back(preprocessor.warnings());
  }
  result.tensor = converted(std::move(pixels), input.desc.dtype);
  return result;
}

}  // namespace godwit::vision
