// Making broken files, and judging what the program says of them.
#include "tests/tools/broken.h"

#include <array>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <iterator>
#include <sys/stat.h>
#include <unistd.h>

namespace godwit::tools {
namespace fs = std::filesystem;
namespace {

constexpr std::array kForeignWords = {"json.exception", "[json",
                                      "nlohmann",       "parse error",
                                      "syntax error",   "protobuf",
                                      "libprotobuf",    "CLI::",
                                      "libpng",         "spng",
                                      "Premature end",  "Corrupt JPEG",
                                      "Not a JPEG",     "Bogus",
                                      "std::",          "terminate",
                                      "what()",         "basic_string",
                                      "bad_alloc",      "filesystem",
                                      "errno",          "Could not convert",
                                      "At Most",        "iostream",
                                      "stoi",           "vector::",
                                      "map::",          "_M_",
                                      "At least",       "out_of_range"};

}  // namespace

std::string foreign_word(const std::string& text) {
  for (const char* word : kForeignWords) {
    if (text.find(word) != std::string::npos) return word;
  }
  return "";
}

std::vector<Broken> no_files(const std::string& ending, const std::string& absent) {
  using Form = Broken::Form;
  return {{"folder" + ending, "", "is not a regular file", Form::directory},
          {"fifo" + ending, "", "is not a regular file", Form::fifo},
          {"device" + ending, "", "is not a regular file", Form::device},
          {"dangling" + ending, "", absent, Form::dangling_link},
          {"absent" + ending, "", absent, Form::absent},
          {"forbidden" + ending, "x", "Permission denied", Form::forbidden}};
}

void append(std::vector<Broken>& list, const std::vector<Broken>& more) {
  list.insert(list.end(), more.begin(), more.end());
}

std::string varint(std::uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>(value | 0x80);
  return bytes + static_cast<char>(value);
}
std::string field(int number, std::uint64_t value) {
  return varint(static_cast<std::uint64_t>(number) << 3) + varint(value);
}
std::string field(int number, std::string_view bytes) {
  return varint(static_cast<std::uint64_t>(number) << 3 | 2) + varint(bytes.size()) + std::string(bytes);
}

BrokenFiles::BrokenFiles()
    : model(save_tiny_model(folder)), image(folder.write("good.png", plain_png(1, 2, 3))) {
  fs::create_directories(folder / "broken");
}

std::string BrokenFiles::model_bytes() const {
  std::ifstream file(model, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string BrokenFiles::make(const Broken& broken) const {
  std::string path = folder / ("broken/" + broken.name);
  switch (broken.form) {
    case Broken::Form::file:
      folder.write("broken/" + broken.name, broken.contents);
      break;
    case Broken::Form::directory:
      fs::create_directory(path);
      break;
    case Broken::Form::fifo:
      EXPECT_EQ(::mkfifo(path.c_str(), 0600), 0);
      break;
    case Broken::Form::device:
      fs::create_symlink("/dev/zero", path);
      break;
    case Broken::Form::dangling_link:
      fs::create_symlink("nowhere", path);
      break;
    case Broken::Form::absent:
      break;
    case Broken::Form::forbidden:
      folder.write("broken/" + broken.name, broken.contents);
      fs::permissions(path, fs::perms::none);
      break;
  }
  return path;
}

void BrokenFiles::expect_answers(std::vector<Broken> list,
                                 const std::function<Strings(const std::string&)>& arguments) const {
  for (const Broken& broken : list) {
    if (broken.form == Broken::Form::forbidden && ::geteuid() == 0) continue;  // nothing is forbidden to root
    const std::string path = make(broken);
    SCOPED_TRACE(broken.name);
    const Outcome outcome = godwit(arguments(path));
    EXPECT_TRUE(outcome.exit_code == 1 || outcome.exit_code == 2) << outcome.exit_code << outcome.out;
    EXPECT_TRUE(outcome.err.starts_with("godwit: error: ")) << outcome.err;
    EXPECT_EQ(outcome.err.find('\n'), outcome.err.size() - 1) << outcome.err;
    EXPECT_NE(outcome.err.find(broken.name), std::string::npos) << outcome.err;
    EXPECT_NE(outcome.err.find(broken.golden), std::string::npos)
        << outcome.err << "expected: " << broken.golden;
    EXPECT_EQ(foreign_word(outcome.err), "") << outcome.err;
  }
}

}  // namespace godwit::tools
