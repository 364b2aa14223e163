// Numbers that are not finite: how many a tensor holds, and which layer was the first to make them.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/graph.h"
#include "engine/plan.h"
#include "runtime/tensor.h"

namespace godwit::engine {

class Session;

struct Nonfinite {
  std::size_t nan = 0, infinite = 0, elements = 0;
  std::size_t count() const { return nan + infinite; }
  bool any() const { return count() > 0; }
  // "3 of 48 elements are not finite (2 NaN, 1 infinite)".
  std::string to_string() const;
};
// Counts floating-point elements; integers are always finite.
Nonfinite count_nonfinite(const TensorView& tensor);
Nonfinite count_nonfinite(std::span<const float> values);

// Runs a model again and watches the results of every step of its plan. Those are what that plan stores:
// fused layers stay fused.
class NonfiniteSearch {
 public:
  // `graph` and `compile` as `plan` was made from them; the shapes in `compile` may be others. Throws what
  // compile() throws.
  NonfiniteSearch(const Graph& graph, const CompileOptions& compile, const Plan& plan);
  ~NonfiniteSearch();

  struct Found {
    std::string layers;  // "conv1 + relu1 (Conv)", or "input 'x'"
    bool is_input = false;
    Nonfinite numbers;
    // A finite result that 16 bits do not hold, so that its reader finds infinities: the largest magnitude.
    std::optional<float> overflow;
    // "conv1 + relu1 (Conv), where 3 of 48 elements are not finite (3 infinite)".
    std::string to_string() const;
  };
  // The first in the order of computation; nullopt where all results are finite.
  std::optional<Found> first(std::span<const Tensor> inputs);

 private:
  std::unique_ptr<Session> session_;  // null where nothing is watched
  std::vector<std::string> layers_;   // of the watched results
  std::vector<std::string> inputs_;
  bool half_ = false;  // tensors between layers are f16
};

// NonfiniteSearch for one run; nullopt also where the model cannot be compiled to be watched.
std::optional<NonfiniteSearch::Found> first_nonfinite(const Graph& graph, const CompileOptions& compile,
                                                      const Plan& plan, std::span<const Tensor> inputs);

// "first in conv1 (Conv), where …; f16 holds numbers up to 65504: …": the place, where it is known, and
// advice for this precision.
std::string explain_nonfinite(const std::optional<NonfiniteSearch::Found>& found, Precision precision);

}  // namespace godwit::engine
