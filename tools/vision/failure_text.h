// Failures of any kind in a sentence of ours.
#pragma once

#include <exception>
#include <string>

namespace godwit::vision {

// An Error's own sentence; of other exceptions none of their words, which are a library's.
std::string failure_text(const std::exception& failure);

}  // namespace godwit::vision
