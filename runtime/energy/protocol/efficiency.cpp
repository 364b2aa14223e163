// Efficiency figures.
#include "runtime/energy/protocol/efficiency.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <tuple>

#include "runtime/energy/protocol/correlation.h"

namespace godwit::energy {
namespace {

constexpr std::array kPrices = {
    PricePreset{"sweden-2024", 0.386, "SEK", "mean price of Sweden in 2024, elbruk.se"},
};

constexpr double kNearLimit = 0.1, kImplausible = 0.6;

double growth_percent(double from, double to) { return (to / from - 1) * 100; }

}  // namespace

std::span<const PricePreset> price_presets() { return kPrices; }

const PricePreset* find_price(std::string_view name) {
  for (const PricePreset& price : kPrices) {
    if (price.name == name) return &price;
  }
  return nullptr;
}

double score(double joules, double largest_joules, double accuracy, double weight) {
  return 100 - (weight * (100 * joules / largest_joules) + (1 - weight) * (100 - accuracy));
}

std::vector<std::size_t> pareto_front(std::span<const Point> points) {
  std::vector<std::size_t> order(points.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {},
                    [&](std::size_t i) { return std::tuple(points[i].joules, -points[i].accuracy, i); });
  std::vector<std::size_t> front;
  for (const std::size_t i : order) {
    if (front.empty() || points[i].accuracy > points[front.back()].accuracy) front.push_back(i);
  }
  return front;
}

PowerLine power_line(std::span<const double> watts, double limit_w) {
  PowerLine line;
  if (watts.empty()) return line;
  line.median_w = median({watts.begin(), watts.end()});
  std::size_t within = 0;
  for (std::size_t i = 0; i < watts.size(); ++i) {
    if (std::abs(watts[i] / limit_w - 1) <= kNearLimit) ++within;
    if (watts[i] < kImplausible * limit_w) line.suspects.push_back(i);
  }
  line.share_within = static_cast<double>(within) / static_cast<double>(watts.size());
  return line;
}

CapEffect effect_of_cap(const Operating& before, const Operating& after) {
  const double joules_before = joules_per_image(before.watts, before.img_s);
  const double joules_after = joules_per_image(after.watts, after.img_s);
  return {joules_before / joules_after - 1, after.watts / before.watts - 1, after.img_s / before.img_s - 1};
}

Growth growth_with_size(std::vector<SizedFigure> figures) {
  std::ranges::stable_sort(figures, {}, [](const SizedFigure& f) { return std::tuple(f.model, f.side); });
  Growth growth;
  for (std::size_t i = 1; i < figures.size(); ++i) {
    const SizedFigure &small = figures[i - 1], &large = figures[i];
    if (small.model != large.model || !(large.side > small.side)) continue;
    growth.pixels.push_back(growth_percent(small.side * small.side, large.side * large.side));
    growth.joules.push_back(growth_percent(small.joules, large.joules));
    growth.accuracy.push_back(growth_percent(small.accuracy, large.accuracy));
  }
  return growth;
}

}  // namespace godwit::energy
