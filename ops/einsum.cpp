// Reading of an equation; allocates nothing unless it throws.
#include "ops/einsum.h"

#include <algorithm>
#include <fmt/format.h>

#include "ops/axes.h"
#include "ops/broadcast.h"
#include "runtime/error.h"

namespace godwit::ops {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// A term's letters without blanks; '.' stands for the three dots.
struct Letters {
  std::array<char, kMaxRank + 1> letters{};
  int count = 0;
  int dots = -1;  // where the dots stand among the letters
};

Letters read_letters(std::string_view term) {
  Letters result;
  for (std::size_t i = 0; i < term.size(); ++i) {
    const char c = term[i];
    if (c == ' ') continue;
    if (term.substr(i, 3) == "...") {
      if (result.dots >= 0) throw Error(fmt::format("term '{}' of the equation has '...' twice", term));
      result.dots = result.count;
      i += 2;
      continue;
    }
    if (!is_letter(c)) throw Error(fmt::format("'{}' in the equation is neither a letter nor '...'", c));
    if (result.count == kMaxRank)
      throw Error(fmt::format("term '{}' of the equation has more than {} letters", term, kMaxRank));
    result.letters[static_cast<std::size_t>(result.count++)] = c;
  }
  return result;
}

class Parser {
 public:
  Einsum parse(std::string_view equation, std::span<const Shape> shapes) {
    const std::size_t arrow = equation.find("->");
    read_operands(equation.substr(0, arrow), shapes);
    if (arrow != std::string_view::npos) {
      read_result(equation.substr(arrow + 2));
    } else {
      imply_result();
    }
    return einsum_;
  }

 private:
  static constexpr int kDots = 52;  // labels by letter, then the axes of "..." counted from the last

  static int slot_of(char letter) { return letter >= 'a' ? letter - 'a' + 26 : letter - 'A'; }

  int label_of(int slot) {
    int& label = labels_[static_cast<std::size_t>(slot)];
    if (label == 0) {
      label = ++einsum_.label_count;
      einsum_.sizes[static_cast<std::size_t>(label - 1)] = 1;
    }
    return label - 1;
  }

  void read_operands(std::string_view left, std::span<const Shape> shapes) {
    const auto terms = static_cast<std::size_t>(std::ranges::count(left, ',')) + 1;
    if (terms != shapes.size())
      throw Error(fmt::format("the equation has {} terms for {} operands", terms, shapes.size()));
    if (terms > kMostTerms)
      throw Error(fmt::format("the equation has {} terms, at most {} are supported", terms, kMostTerms));
    einsum_.operand_count = terms;
    for (std::size_t i = 0; i < terms; ++i) {
      const std::size_t comma = left.find(',');
      read_operand(i, left.substr(0, comma), shapes[i]);
      if (comma != std::string_view::npos) left.remove_prefix(comma + 1);
    }
  }

  void read_operand(std::size_t i, std::string_view term, const Shape& shape) {
    const Letters letters = read_letters(term);
    const int dots = letters.dots < 0 ? 0 : shape.rank() - letters.count;
    if (dots < 0 || letters.count + dots != shape.rank()) {
      throw Error(fmt::format("term '{}' of the equation does not name the {} axes of operand {}", term,
                              shape.rank(), i));
    }
    dots_ = std::max(dots_, dots);
    EinsumTerm& operand = einsum_.operands[i];
    operand = expand(letters, dots);
    for (int axis = 0; axis < shape.rank(); ++axis) {
      std::int64_t& size =
          einsum_.sizes[static_cast<std::size_t>(operand.labels[static_cast<std::size_t>(axis)])];
      size = broadcast_dim(size, shape[axis]);
    }
    for (int k = 0; k < letters.count; ++k)
      ++uses_[static_cast<std::size_t>(slot_of(letters.letters[static_cast<std::size_t>(k)]))];
  }

  EinsumTerm expand(const Letters& letters, int dots) {
    EinsumTerm term;
    const auto append = [&](int slot) {
      term.labels[static_cast<std::size_t>(term.rank++)] = label_of(slot);
    };
    for (int k = 0; k <= letters.count; ++k) {
      for (int d = dots; k == letters.dots && d > 0; --d) append(kDots + d - 1);
      if (k < letters.count) append(slot_of(letters.letters[static_cast<std::size_t>(k)]));
    }
    return term;
  }

  void read_result(std::string_view term) {
    const Letters letters = read_letters(term);
    for (int k = 0; k < letters.count; ++k) {
      const char letter = letters.letters[static_cast<std::size_t>(k)];
      if (uses_[static_cast<std::size_t>(slot_of(letter))] == 0)
        throw Error(fmt::format("the equation's result has '{}', which no operand has", letter));
      if (std::count(letters.letters.begin(), letters.letters.begin() + letters.count, letter) > 1)
        throw Error(fmt::format("the equation's result has '{}' twice", letter));
    }
    const int dots = letters.dots < 0 ? 0 : dots_;
    if (letters.count + dots > kMaxRank)
      throw Error(
          fmt::format("a result of {} dimensions; at most {} are supported", letters.count + dots, kMaxRank));
    einsum_.result = expand(letters, dots);
  }

  // The axes of "...", then the letters that occur once, in the order of the alphabet.
  void imply_result() {
    Letters letters;
    letters.dots = 0;
    for (int slot = 0; slot < kDots; ++slot) {
      if (uses_[static_cast<std::size_t>(slot)] != 1) continue;
      if (letters.count + dots_ == kMaxRank)
        throw Error(fmt::format("the result has more than {} dimensions", kMaxRank));
      letters.letters[static_cast<std::size_t>(letters.count++)] =
          static_cast<char>(slot < 26 ? 'A' + slot : 'a' + slot - 26);
    }
    einsum_.result = expand(letters, dots_);
  }

  Einsum einsum_;
  int dots_ = 0;
  std::array<int, kMostLabels> labels_{};  // by slot; 0: not seen yet
  std::array<int, kMostLabels> uses_{};
};

}  // namespace

Einsum parse_einsum(std::string_view equation, std::span<const Shape> shapes) {
  return Parser().parse(equation, shapes);
}

}  // namespace godwit::ops
