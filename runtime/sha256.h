// SHA-256 (FIPS 180-4), by which an account of energy names the model's file.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace godwit {

class Sha256 {
 public:
  void update(const void* data, std::size_t bytes);
  // 64 lower-case hexadecimal digits; the object is spent.
  std::string finish();

 private:
  void block(const unsigned char* bytes);  // 64 of them

  std::array<std::uint32_t, 8> state_ = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                         0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<unsigned char, 64> pending_{};
  std::uint64_t bytes_ = 0;
};

// Hash of a whole file. Throws Error naming the path.
std::string sha256_of_file(const std::string& path);

}  // namespace godwit
