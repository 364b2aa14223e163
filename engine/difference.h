// The distance of tensors from their references, summed over many of them.
#pragma once

#include <cstddef>
#include <vector>

#include "runtime/tensor.h"

namespace godwit::engine {

// Sums in double; adding the same tensors in the same order gives the same bits.
class Difference {
 public:
  // Two f32 tensors of one shape; channels are told apart as ChannelView does.
  void add(const Tensor& reference, const Tensor& other);

  // 10·log10(Σ r² / Σ (r − o)²): infinite where there is no difference, −infinite where only the reference is
  // 0. Needs at least one element.
  double sqnr_db() const;
  // −10·log10 of the mean over channels of Σ (r − o)² / Σ r², channels of nothing but 0 left out: where one
  // channel is a thousand times the others, sqnr_db() does not see that those are lost, and this does.
  double channel_sqnr_db() const;
  // Σ r·o / √(Σ r² · Σ o²); 1 where both are 0.
  double cosine() const;
  // The largest |r − o|; NaN where one was NaN.
  double largest() const { return largest_; }
  bool empty() const { return count_ == 0; }
  // Elements that are NaN or infinite; where there are any, the figures above need not be numbers.
  std::size_t nonfinite_reference() const { return nonfinite_reference_; }
  std::size_t nonfinite_other() const { return nonfinite_other_; }
  bool finite() const { return nonfinite_reference_ == 0 && nonfinite_other_ == 0; }

 private:
  struct Sums {
    double reference = 0, other = 0, product = 0, difference = 0;  // of squares, products, squares
  };
  Sums total() const;

  std::vector<Sums> channels_;
  double largest_ = 0;
  std::size_t count_ = 0, nonfinite_reference_ = 0, nonfinite_other_ = 0;
};

}  // namespace godwit::engine
