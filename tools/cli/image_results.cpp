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
    : form_(form), progress_("images", total), log_(progress_, strict) {}

ImageResults::~ImageResults() = default;

void ImageResults::begin(const Json& facts) {
  if (form_ != Form::json) return;
  Json json = facts;
  json["images"] = Json::array();
  const std::string head = json_text(json);
  print(head.substr(0, head.size() - 2));  // without the closing ]}
}

void ImageResults::add(const std::string& path, const Json& fields, const std::string& text,
                       const std::vector<std::string>& warnings) {
  log_.good(path, "", warnings);
  progress_.clear();
  Json line = {{"file", path}};
  line.update(fields);
  if (form_ == Form::text) {
    print(text);
  } else if (form_ == Form::json) {
    if (!warnings.empty()) warned_.push_back({path, warnings});
    print((done_ > 0 ? "," : "") + json_text(line));
  } else {
    if (!warnings.empty()) line["warnings"] = warnings;
    print_json(line);
  }
  ++done_;
  progress_.advance();
}

void ImageResults::fail(const std::string& path, const std::string& error) {
  if (form_ == Form::json_lines) {
    progress_.clear();
    print_json({{"file", path}, {"error", one_line(error)}});
  } else {
    failures_.push_back({path, {one_line(error)}});
  }
  log_.good(path, error, {});
  progress_.advance();
}

void ImageResults::end(const Json& facts) {
  progress_.clear();
  close(facts);
}

void ImageResults::end_early(const std::string& error) {
  progress_.clear();
  close({{"error", one_line(error)}});
}

void ImageResults::close(const Json& more) {
  if (form_ != Form::json) return;
  Json json = {{"failed", Json::array()}, {"warned", Json::array()}};
  for (const Note& note : failures_)
    json["failed"].push_back({{"file", note.path}, {"error", note.sentences.front()}});
  for (const Note& note : warned_)
    json["warned"].push_back({{"file", note.path}, {"warnings", note.sentences}});
  json.update(more);
  print("]," + json_text(json).substr(1) + "\n");
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
