// Images that a model is calibrated or compared on: chosen, decoded run after run, and named afterwards.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "engine/calibrate.h"
#include "runtime/image/preprocess.h"

namespace godwit::vision {

// `count` of the paths (all where there are no more), at even distances: a folder is often sorted by class,
// and its beginning would show few of them.
std::vector<std::string> spread(const std::vector<std::string>& paths, std::size_t count);

// The digest that tells contents apart: the first 16 hexadecimal digits of a file's SHA-256.
std::string content_digest(const std::string& path);

class CalibrationReader {
 public:
  // Called once for each image, in order; `error` is empty where it can be read. May throw, to give up.
  using Seen = std::function<void(const std::string& path, const std::string& error)>;

  // Reads every image once, to know which can be read; the others are left out. Throws Error when none is
  // left.
  CalibrationReader(std::vector<std::string> paths, const image::Pipeline& pipeline,
                    const image::PreprocessOptions& reading, int threads, const Seen& seen = {});

  // Images for this graph, which takes one image input. Each run decodes them anew by `threads` threads. The
  // last batch of a model that fixes its batch size is filled up from the first images. `each`, where given,
  // is called after each image of each run. This object outlives what is returned.
  engine::CalibrationImages images(const engine::Graph& graph, const engine::CompileOptions& compile,
                                   const std::function<void()>& each = {}) const;

  // Those that could be read.
  const std::vector<std::string>& paths() const { return paths_; }
  // Those of which the decoder has something to tell, in order.
  struct Warned {
    std::string path;
    std::vector<std::string> warnings;
  };
  const std::vector<Warned>& warned() const { return warned_; }
  std::size_t failed() const { return failed_; }
  std::set<std::string> digests() const;
  // SHA-256 of the file names (without folders), sorted, a line each.
  std::string digest_of_names() const;

 private:
  using Pixels = std::vector<float>;
  // Facts about an image beside its pixels; the error is empty where there is none.
  struct Note {
    std::string error;
    std::vector<std::string> warnings;
  };
  void read(std::size_t first, std::vector<Pixels>& pixels, std::vector<Note>& notes) const;

  std::vector<std::string> paths_;
  image::Pipeline pipeline_;
  image::PreprocessOptions reading_;
  int threads_;
  std::size_t failed_ = 0;
  std::vector<Warned> warned_;
  mutable std::vector<std::unique_ptr<image::Preprocessor>> preprocessors_;  // one for each thread
};

}  // namespace godwit::vision
