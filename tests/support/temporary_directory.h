// A directory that exists as long as the test that made it.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace godwit::test {

class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::string operator/(std::string_view name) const;

  // Writes a file below the directory, with the directories above it; returns its path.
  std::string write(std::string_view name, std::string_view text) const;
  std::string write(std::string_view name, std::span<const unsigned char> bytes) const;

 private:
  std::filesystem::path path_;
};

}  // namespace godwit::test
