// Streams of results; no image is kept once it was told.
#include "tools/cli/image_results.h"

#include <filesystem>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "engine/plan.h"
#include "runtime/counted.h"
#include "runtime/error.h"
#include "runtime/output_file.h"
#include "runtime/stopwatch.h"
#include "tools/cli/command.h"
#include "tools/cli/interruptible.h"
#include "tools/cli/output_files.h"
#include "tools/report/interrupt.h"
#include "tools/report/text.h"
#include "tools/vision/failure_text.h"
#include "tools/vision/image_source.h"

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

void ImageResults::spend(double preprocess, double inference) {
  preprocess_ += preprocess;
  inference_ += inference;
}

int ImageResults::run(vision::ImageSource& source, const engine::Plan& plan, int threads,
                      const std::function<void(const std::string& path)>& each) {
  InterruptibleSource images(source);
  const Stopwatch watch;
  try {
    for (std::string path; images.next(path);) {
      try {
        each(path);
      } catch (const Error& error) {
        fail(path, error.what());
      }
    }
  } catch (const std::exception& error) {
    progress_.clear();
    close({{"error", one_line(vision::failure_text(error))}});
    throw;
  }
  Json facts = {
      {"seconds", watch.seconds()}, {"preprocess_seconds", preprocess_}, {"inference_seconds", inference_}};
  if (images.cut_short()) facts["partial"] = true;
  progress_.clear();
  close(facts);
  message(fmt::format("{} in {:.3f} s: decode and preprocess {:.3f} s, inference {:.3f} s on {}, {}",
                      counted(done_, "image"), watch.seconds(), preprocess_, inference_,
                      counted(threads, "thread"), name_of(plan.target().isa)));
  images.tell(done_);
  if (images.cut_short()) return interrupt_exit_code();
  return log_.failed() > 0 ? kFailed : kDone;
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
