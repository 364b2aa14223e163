// Hints: things that passes find out about a node and that make it faster. None changes a bit of any result.
#pragma once

#include <array>
#include <string_view>

namespace godwit::ops {

struct Hints {
  // Operand 0 has been clamped to 0 from below: many of its elements are likely to be 0.
  bool sparse_input = false;
  // The next node alone reads the result, as operand 0, and both compute rows by themselves: the result is
  // handed on in parts and never lies whole in memory.
  bool streams_rows = false;

  bool operator==(const Hints&) const = default;
};

// One hint as people and signatures see it.
struct HintInfo {
  bool Hints::*flag;
  std::string_view phrase;     // in the text of a graph
  std::string_view signature;  // of a node that implementations treat otherwise; empty: they do not look
};

inline constexpr std::array kHints = {
    HintInfo{&Hints::sparse_input, "skipping zeros", "sparse"},
    HintInfo{&Hints::streams_rows, "by lines", ""},
};

}  // namespace godwit::ops
