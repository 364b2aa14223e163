// Sentences for what libjpeg-turbo reports by a number.
#pragma once

#include <array>
#include <cstddef>
#include <string>

namespace godwit::image {

// A fault of a JPEG as the decoder met it.
struct JpegFault {
  int code = 0;                 // libjpeg's number of the message
  std::array<int, 4> values{};  // that belong to it
  std::size_t byte = 0;         // of the file, near which the decoder read
};

// The fault of the file, and near which byte where that says something.
std::string sentence_of(const JpegFault& fault);

// True where no byte of the file is at fault, but the memory at hand.
bool is_lack_of_memory(const JpegFault& fault);

}  // namespace godwit::image
