// The sentence of an Error, for tests that check what the user is told.
#pragma once

#include <string>

#include "runtime/error.h"

namespace godwit::support {

// The text of the error that `work` throws; "" when it throws nothing.
template <class Work>
std::string error_of(const Work& work) {
  try {
    work();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

}  // namespace godwit::support
