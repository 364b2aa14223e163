// The terminal: results on stdout, messages and a progress bar on stderr.
#pragma once

#include <cstddef>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/stopwatch.h"
#include "tools/report/json.h"

namespace godwit::tools {

// Whoever read stdout has seen enough, as `head` does: no failure, hence no Error.
class ReaderGone : public std::exception {
 public:
  const char* what() const noexcept override { return "nobody reads stdout any more"; }
};

// Writes to stdout. Throws ReaderGone when its reader has gone, Error (ErrorKind::failed) when it is closed
// or full.
void print(std::string_view text);
// json_text() on stdout, with a line end.
void print_json(const Json& json);
// From now on there are neither bars nor message()s on stderr.
void set_quiet();
// "godwit: …" on stderr: what is good to know.
void message(std::string_view text);
// The same for what has to be known: not left out by --quiet.
void warning(std::string_view text);
// Text of several lines on stderr, as it is; left out by --quiet.
void print_aside(std::string_view text);
// "godwit: error: …" on stderr, always one line.
void error_message(std::string_view text);

// A bar on stderr, drawn only when stderr is a terminal; gone when the object is.
class Progress {
 public:
  Progress(std::string unit, std::size_t total);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void advance(std::size_t count = 1);
  // Draws a share from 0 to 1 with these words, for work that is not counted in units.
  void show(double share, std::string_view words);
  // A warning() that leaves the bar intact.
  void say(std::string_view text);
  // Takes the bar away until the next advance(), so that a result can be printed where it stood.
  void clear();

 private:
  void draw();

  std::string unit_;
  std::size_t total_;
  std::size_t done_ = 0;
  bool visible_;
  double drawn_at_ = -1;
  Stopwatch watch_;
};

// Names bad images and the decoder's warnings on stderr, one line each, and counts them.
class ImageLog {
 public:
  ImageLog(Progress& progress, bool strict) : progress_(progress), strict_(strict) {}

  // True when there is no error. Throws Error for anything to tell in strict mode.
  bool good(const std::string& path, const std::string& error, const std::vector<std::string>& warnings);
  std::size_t failed() const { return failed_; }
  std::size_t warned() const { return warned_; }

 private:
  Progress& progress_;
  bool strict_;
  std::size_t failed_ = 0, warned_ = 0;
};

}  // namespace godwit::tools
