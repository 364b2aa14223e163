// Finding the operating point that gets most out of a joule: a coarse grid, then refinement around the best,
// and "leave it uncapped" where nothing is gained for sure.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/energy/ledger/quantity.h"

namespace godwit::energy {

// Meanings of "best", each better when lower: joules of an image, their cost, joules × seconds (EDP). img/kWh
// is the inverse of the first.
enum class Objective { img_per_kwh, joules, cost, edp };
std::optional<Objective> objective_of(std::string_view name);  // "img/kWh", "J", "cost", "EDP"
std::string_view name_of(Objective objective);

struct SweepPoint {
  double level = 1;  // of the limit found; 1: uncapped
  int threads = 1;
  std::int64_t batch = 1;
  std::string precision = "f32";
  friend bool operator==(const SweepPoint&, const SweepPoint&) = default;
};

// One measurement of one point.
struct SweepSample {
  Measured<Joules> joules{Joules{}};  // of one image
  double img_s = 0;
  double p99_ms = 0;
  double mean_w = 0;
  std::optional<double> top1;  // percent, of this precision
  std::string note;            // "cap not effective", …; a sample with one counts against its point
};

// Limits that the answer must keep.
struct SweepFloors {
  std::optional<double> min_img_s, max_p99_ms, min_top1;
};

struct SweepOptions {
  std::vector<double> levels = {1, 0.8, 0.6, 0.4};  // of the coarse grid; 1 is added where it is missing
  std::vector<int> threads = {1};
  std::vector<std::int64_t> batches = {1};
  std::vector<std::string> precisions = {"f32"};
  Objective objective = Objective::img_per_kwh;
  SweepFloors floors;
  int rounds = 3;               // measurements of each point, at least 2
  double finest_level = 0.025;  // refinement stops at this distance
  double lowest_level = 0.3;
  std::uint64_t seed = 20260101;  // of the order in which points take turns
};

struct SweepResult {
  struct Point {
    SweepPoint point;
    std::size_t samples = 0;
    double objective = 0;  // mean; lower is better
    Interval ci95;         // Student's t over the rounds
    double joules = 0, img_s = 0, p99_ms = 0, mean_w = 0;
    std::optional<double> top1;
    std::string refused;  // which floor it breaks, or what its samples say; empty: admissible
  };
  std::vector<Point> points;        // in the order in which they were first measured
  std::size_t reference = 0;        // the best admissible uncapped point, else the first uncapped one
  std::optional<std::size_t> best;  // admissible; nullopt where no point is
  // True: the best point is capped and its interval lies wholly below the reference's.
  bool gain = false;
};

// Measures by `measure` (which sets the point up first): each round takes all points of the stage in an order
// of its own. Throws what `measure` throws, and Error for options that make no sweep.
SweepResult sweep(const SweepOptions& options, const std::function<SweepSample(const SweepPoint&)>& measure);

}  // namespace godwit::energy
