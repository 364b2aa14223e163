// Files that are broken in every way, and what every answer to them has to be: one line in words of our own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <gtest/gtest.h>
#include <string>
#include <string_view>
#include <vector>

#include "tests/tools/program.h"

namespace godwit::tools {

using Strings = std::vector<std::string>;

struct Broken {
  enum class Form { file, directory, fifo, device, dangling_link, absent, forbidden };

  std::string name;
  std::string contents;
  std::string golden;  // stands in the answer
  Form form = Form::file;
};

// The first word in `text` that only another library, or the language, would say; "" where there is none.
std::string foreign_word(const std::string& text);

// All that a path may name beside a file that can be read; each has this ending. `absent` stands in the
// answer to paths that lead nowhere.
std::vector<Broken> no_files(const std::string& ending,
                             const std::string& absent = "No such file or directory");
void append(std::vector<Broken>& list, const std::vector<Broken>& more);

// Pieces of protobuf's wire format.
std::string varint(std::uint64_t value);
std::string field(int number, std::uint64_t value);
std::string field(int number, std::string_view bytes);

class BrokenFiles : public testing::Test {
 protected:
  BrokenFiles();

  std::string make(const Broken& broken) const;
  // Runs the command line that `arguments` makes of each file, and checks the answers.
  void expect_answers(std::vector<Broken> list,
                      const std::function<Strings(const std::string&)>& arguments) const;
  // The tiny model's bytes.
  std::string model_bytes() const;

  TemporaryDirectory folder;
  std::string model, image;
};

}  // namespace godwit::tools
