// Results of images that are told one by one: as text, as the elements of one JSON object, or a line each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "runtime/image/write_png.h"
#include "runtime/output_file.h"
#include "tools/report/console.h"
#include "tools/report/json.h"
#include "tools/vision/detection.h"

namespace godwit::engine {
class Plan;
}
namespace godwit::vision {
class ImageSource;
}

namespace godwit::tools {

class ImageResults {
 public:
  enum class Form : std::uint8_t { text, json, json_lines };

  // `total`: how many images there will be, 0 for no telling. `strict`: the first failure or warning ends the
  // work.
  ImageResults(Form form, std::size_t total, bool strict);
  ~ImageResults();

  // The object's fields before the images. To be called once, before add().
  void begin(const Json& facts);
  // An image with its fields (without file), or for people its lines. Throws Error in strict mode.
  void add(const std::string& path, const Json& fields, const std::string& text,
           const std::vector<std::string>& warnings);
  // One that could not be done; names it on stderr. Throws Error in strict mode.
  void fail(const std::string& path, const std::string& error);
  // Counts the seconds that an image took.
  void spend(double preprocess, double inference);

  // Has `each` add() image after image until they end or a signal comes; an Error it throws is that image's
  // failure. Closes the object and says how long it took, on so many threads by the plan. Returns the exit
  // status; what else is thrown leaves a whole object behind.
  int run(vision::ImageSource& source, const engine::Plan& plan, int threads,
          const std::function<void(const std::string& path)>& each);

 private:
  // Sentences about an image beside its result: one error, or warnings of the decoder.
  struct Note {
    std::string path;
    std::vector<std::string> sentences;
  };
  // The object from the end of the images on: failed, warned and `more`.
  void close(const Json& more);

  Form form_;
  Progress progress_;
  ImageLog log_;
  std::size_t done_ = 0;
  double preprocess_ = 0, inference_ = 0;
  std::vector<Note> failures_, warned_;
};

// PNG files of a folder, each named after the image that it is of.
class PictureFolder {
 public:
  // Makes the folder; empty: nothing is written. Throws Error where it cannot be made.
  explicit PictureFolder(std::string folder);
  bool wanted() const { return !folder_.empty(); }
  // Writes NAME.png for the image NAME.jpg, with a number behind where several images have one name. Returns
  // the path. Throws Error where it cannot be written, or is the image itself.
  std::string write(const std::string& image, const image::PngPixels& pixels);

 private:
  std::string folder_;
  std::set<std::string> used_;
};

}  // namespace godwit::tools
