// Files of images to tensors of inputs, and tensors of outputs to PNG files.
#include "tools/cli/run_images.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "runtime/error.h"
#include "runtime/output_file.h"
#include "tools/bench/option_values.h"
#include "tools/report/console.h"
#include "tools/report/interrupt.h"
#include "tools/vision/image_input.h"
#include "tools/vision/image_tensor.h"
#include "tools/vision/output_image.h"

namespace godwit::tools {
namespace {

constexpr std::array<std::string_view, 3> kKinds = {"", "image", "classes"};
constexpr std::array<std::string_view, 4> kRanges = {"", "0..1", "-1..1", "0..255"};
constexpr std::array<std::string_view, 3> kChannels = {"", "first", "last"};

template <class Value, class Names>
Value value_of(const Names& names, const std::string& text) {
  return static_cast<Value>(std::ranges::find(names, text) - names.begin());
}

// The input of that name; the model's only one where none is given.
std::string input_of(const engine::Graph& graph, const std::string& text, const std::string& name) {
  if (!name.empty()) {
    const bool known =
        std::ranges::any_of(graph.inputs, [&](engine::ValueId id) { return graph.value(id).name == name; });
    if (known) return name;
  }
  std::string names;
  for (const engine::ValueId id : graph.inputs)
    names += fmt::format("{}'{}'", names.empty() ? "" : ", ", graph.value(id).name);
  if (!name.empty())
    throw Error(
        fmt::format("--image '{}': the model has no input '{}'; its inputs are {}", text, name, names));
  if (graph.inputs.size() != 1) {
    throw Error(fmt::format("--image '{}': the model has {} inputs ({}), expected NAME=FILE", text,
                            graph.inputs.size(), names));
  }
  return graph.value(graph.inputs.front()).name;
}

}  // namespace

std::map<std::string, std::string> RunImages::files() const {
  std::map<std::string, std::string> result;
  for (const std::string& text : outputs) {
    const NamedText named = split_named(text);
    if (named.name.empty() || !named.value.ends_with(".png"))
      throw Error(fmt::format("--output-picture '{}': expected NAME=FILE.png", text));
    if (!result.emplace(named.name, named.value).second)
      throw Error(fmt::format("--output-picture names output '{}' twice", named.name));
  }
  return result;
}

void add_run_image_options(CLI::App& app, RunImages& images) {
  add_list_option(
      app, "--image", images.inputs,
      "The image for an input (JPEG or PNG), preprocessed as the model says or --preprocess does; "
      "NAME= may be left out where the model has one input. Several of one input are its batch. "
      "With --crop 0 the tensor has the image's own size.")
      ->type_name("NAME=FILE");
  add_list_option(app, "--output-picture", images.outputs,
                  "Write this output as a PNG file, once for each: 1 or 3 channels, first or last, of real "
                  "numbers or bytes as gray or RGB; all else as a map of classes, the place of the largest "
                  "of the channels or whole numbers from 0 to 255, in the colours of PASCAL VOC. A message "
                  "tells how the output was taken.")
      ->type_name("NAME=FILE.png");
  app.add_option("--picture-as", images.kind,
                 "Take outputs for this, whatever their channels: three classes are no colours.")
      ->check(one_of({"image", "classes"}))
      ->type_name("image|classes");
  app.add_option("--picture-range", images.range,
                 "Real numbers from black to white; what lies beyond is cut off. Default: 0..1 where none is "
                 "above 2, else 0..255; outputs with numbers far below 0 are refused.")
      ->check(one_of({"0..1", "-1..1", "0..255"}))
      ->type_name("0..1|-1..1|0..255");
  app.add_option(
         "--picture-channels", images.channels,
         "The axis of an output's channels. Default: of an image the one of 1 or 3; of classes the one "
         "that differs from two equal sides, else the shorter.")
      ->check(one_of({"first", "last"}))
      ->type_name("first|last");
  add_preprocess_option(app, images.preprocess);
  add_image_options(app, images.reading);
}

ReadRunImages read_run_images(const RunImages& images, const engine::Graph& graph, const std::string& isa) {
  std::map<std::string, std::vector<std::string>> files;
  for (const std::string& text : images.inputs) {
    const NamedText named = split_named(text);
    files[input_of(graph, text, named.name)].push_back(named.value);
  }
  ReadRunImages result;
  for (const auto& [name, paths] : files) {
    const engine::Value& input = graph.value(graph.find_value(name));
    const image::Pipeline pipeline =
        vision::pipeline_for(graph, input, images.preprocess, vision::OwnSize::yes);
    vision::ImageTensor read =
        vision::read_image_tensor(paths, graph, input, pipeline, images.reading.preprocess_options(isa));
    for (std::size_t i = 0; i < paths.size(); ++i) {
      for (const std::string& fault : read.warnings[i]) {
        const std::string text = fmt::format("'{}': {}", paths[i], fault);
        if (images.reading.strict) throw Error(text);
        warning(text);
      }
    }
    result.told.push_back(fmt::format("input '{}': {}; {}", name, image::size_sentence(pipeline),
                                      image::value_sentence(pipeline)));
    result.tensors.emplace(name, std::move(read.tensor));
    stop_if_interrupted();
  }
  return result;
}

Json write_run_image(const RunImages& images, const std::string& name, const Tensor& tensor,
                     const std::string& file) {
  const vision::OutputImage result = with_context(
      [&] { return fmt::format("output '{}'", name); },
      [&] {
        return vision::output_image(tensor, {value_of<vision::OutputKind>(kKinds, images.kind),
                                             value_of<vision::OutputRange>(kRanges, images.range),
                                             value_of<vision::OutputChannels>(kChannels, images.channels)});
      });
  OutputFile png(file);
  png.write(image::encode_png(result.pixels));
  png.commit();
  message(fmt::format("'{}': output '{}', {}", file, name, result.told));
  const bool is_map = result.kind == vision::OutputKind::classes;
  Json json = {{"file", file}, {"as", is_map ? "classes" : "image"}};
  if (is_map) {
    json["classes"] = result.classes;
  } else {
    json["range"] = kRanges[static_cast<std::size_t>(result.range)];
  }
  return json;
}

}  // namespace godwit::tools
