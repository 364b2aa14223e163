// Sources of images and of time that end when the program is asked to.
#pragma once

#include <cstddef>
#include <istream>
#include <string>

#include "tools/vision/image_source.h"

namespace godwit::tools {

// stdin, which ends at the first signal as if it had been closed.
std::istream& interruptible_stdin();

// Hands out the paths of a source until the first signal.
class InterruptibleSource {
 public:
  explicit InterruptibleSource(vision::ImageSource& source) : source_(source) {}

  // As ImageSource::next().
  bool next(std::string& path);
  // True where a signal came before the last image.
  bool cut_short() const { return cut_short_; }
  // Tells on stderr how many images were done; nothing where all were.
  void tell(std::size_t done, const std::string& consequence = "the results are of these alone") const;

 private:
  vision::ImageSource& source_;
  bool cut_short_ = false;
};

}  // namespace godwit::tools
