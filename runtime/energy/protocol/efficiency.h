// The figures that a report draws from joules, images and accuracy. Numbers only; no text is made here.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace godwit::energy {

inline constexpr double kJoulesPerKwh = 3.6e6;

// Joules of one image from power and throughput, and back.
inline double joules_per_image(double watts, double img_s) { return watts / img_s; }
inline double images_per_kwh(double joules) { return kJoulesPerKwh / joules; }
inline double wh_per_thousand(double joules) { return joules * 1000 / 3600; }
// Millions of images for one unit of a currency (Region Halland and Aixia 2025, appendix C).
inline double million_images_per_unit(double joules, double per_kwh) {
  return images_per_kwh(joules) / per_kwh / 1e6;
}

// A price of electricity that has a name. It covers energy alone; kPriceExclusions says what it leaves out.
struct PricePreset {
  std::string_view name;
  double per_kwh;
  std::string_view currency, source;
};
std::span<const PricePreset> price_presets();
// nullptr where there is none of that name.
const PricePreset* find_price(std::string_view name);
inline constexpr std::string_view kPriceExclusions =
    "electricity alone: no hardware, cooling, maintenance, network or storage";

// Percent of top-1 for each joule. Only meaningful above a floor of accuracy and below a ceiling of energy: a
// model that always says "goldfish" takes no energy and is right once in a thousand.
struct Floors {
  double min_accuracy;  // percent
  double max_joules;    // of one image
  bool admit(double accuracy, double joules) const {
    return accuracy >= min_accuracy && joules <= max_joules;
  }
};
inline double accuracy_per_joule(double accuracy, double joules) { return accuracy / joules; }

// 100 - (W (100 E/N) + (1 - W)(100 - A)): W = 1 looks at energy only, W = 0 at accuracy only; N is the
// largest energy among those compared (Yang et al. 2024, section 4.4).
double score(double joules, double largest_joules, double accuracy, double weight);

// Energy and accuracy of one model in one setup.
struct Point {
  double joules, accuracy;
};
// Those that no other point beats: none has less or equal energy and more or equal accuracy, one of them
// strictly. By rising energy; among equal points the first stands for all.
std::vector<std::size_t> pareto_front(std::span<const Point> points);

// Watts = img/s x J/img of many models at their best batch lie on a line at the power limit.
struct PowerLine {
  double median_w = 0;
  double share_within = 0;            // of rows within 10 % of the limit
  std::vector<std::size_t> suspects;  // rows below 60 % of it: what they state is implausible
};
PowerLine power_line(std::span<const double> watts, double limit_w);

// Joules by a data sheet: operations over a peak, times the power limit. Operations and peak must count
// alike: FLOPs and FLOPS, or MACs and MACs a second. The literature finds such figures too low by a factor
// of 3.1 (Yang et al. 2024, figure 6). That takes MACs against a peak in FLOPS; the factor is 1.6 otherwise.
inline double naive_joules(double operations, double peak_per_s, double limit_w) {
  return operations / peak_per_s * limit_w;
}

// One operating point of a device.
struct Operating {
  double watts, img_s;
};
// Changes by a power cap, as fractions: +0.5 is half as much again.
struct CapEffect {
  double images_per_unit, watts, img_s;
};
CapEffect effect_of_cap(const Operating& before, const Operating& after);

// A figure of one model at one input size.
struct SizedFigure {
  std::size_t model;  // any number that is the same for the same model
  double side, joules, accuracy;
};
// Growth in percent from each input size of a model to its next larger one; `pixels` counts pixels, the side
// squared.
struct Growth {
  std::vector<double> pixels, joules, accuracy;
};
Growth growth_with_size(std::vector<SizedFigure> figures);

}  // namespace godwit::energy
