// Errors, lack of memory, and what should not be.
#include "tools/vision/failure_text.h"

#include <new>

#include "runtime/error.h"

namespace godwit::vision {

std::string failure_text(const std::exception& failure) {
  if (dynamic_cast<const Error*>(&failure) != nullptr) return failure.what();
  if (dynamic_cast<const std::bad_alloc*>(&failure) != nullptr) return "there is not enough memory";
  return "a fault of godwit itself stopped the work; please report the command line and its files";
}

}  // namespace godwit::vision
