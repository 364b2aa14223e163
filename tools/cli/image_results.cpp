// Streams of results; no image is kept once it was told.
#include "tools/cli/image_results.h"

#include <filesystem>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "runtime/error.h"
#include "tools/cli/output_files.h"
#include "tools/report/text.h"

namespace godwit::tools {

ImageResults::ImageResults(Form form, std::size_t total, bool strict)
    : form_(form),
      progress_("images", total),
      log_(progress_, strict),
      failures_(Json::array()),
      warned_(Json::array()) {}

ImageResults::~ImageResults() = default;

void ImageResults::begin(Json facts) {
  if (form_ != Form::json) return;
  facts["images"] = Json::array();
  const std::string head = json_text(facts);
  print(head.substr(0, head.size() - 2));  // without the closing ]}
}

void ImageResults::add(const std::string& path, Json fields, const std::string& text,
                       const std::vector<std::string>& warnings) {
  log_.good(path, "", warnings);
  progress_.clear();
  Json line = {{"file", path}};
  line.update(fields);
  if (form_ == Form::text) {
    print(text);
  } else if (form_ == Form::json) {
    if (!warnings.empty()) warned_.push_back({{"file", path}, {"warnings", warnings}});
    print((done_ > 0 ? "," : "") + json_text(line));
  } else {
    if (!warnings.empty()) line["warnings"] = warnings;
    print_json(line);
  }
  ++done_;
  progress_.advance();
}

void ImageResults::fail(const std::string& path, const std::string& error) {
  const Json failure = {{"file", path}, {"error", one_line(error)}};
  if (form_ == Form::json_lines) {
    progress_.clear();
    print_json(failure);
  } else {
    failures_.push_back(failure);
  }
  log_.good(path, error, {});
  progress_.advance();
}

void ImageResults::end(Json facts) {
  progress_.clear();
  Json tail = {{"failed", failures_}, {"warned", warned_}};
  tail.update(facts);
  close(std::move(tail));
}

void ImageResults::end_early(const std::string& error) {
  progress_.clear();
  close({{"failed", failures_}, {"warned", warned_}, {"error", one_line(error)}});
}

void ImageResults::close(Json tail) {
  if (form_ == Form::json) print("]," + json_text(tail).substr(1) + "\n");
}

PictureFolder::PictureFolder(std::string folder) : folder_(std::move(folder)) {
  if (wanted()) make_folder(folder_);
}

std::string PictureFolder::write(const std::string& image, const image::PngPixels& pixels) {
  const std::string stem = std::filesystem::path(image).stem().string();
  std::string path = (std::filesystem::path(folder_) / (stem + ".png")).string();
  for (int number = 2; !used_.insert(path).second; ++number)
    path = (std::filesystem::path(folder_) / fmt::format("{}_{}.png", stem, number)).string();
  const std::string inputs[] = {image};
  check_output(path, inputs);
  OutputFile file(path);
  file.write(image::encode_png(pixels));
  file.commit();
  return path;
}

}  // namespace godwit::tools
