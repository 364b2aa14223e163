// godwit energy trend: what an accelerator of a given year would take, by the literature's trend.
#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <memory>
#include <nlohmann/json.hpp>

#include "runtime/energy/protocol/estimate.h"
#include "runtime/error.h"
#include "tools/bench/plan_facts.h"
#include "tools/cli/commands/energy.h"
#include "tools/cli/model.h"
#include "tools/cli/options.h"
#include "tools/report/console.h"

namespace godwit::tools {
namespace {

struct Options {
  std::string model, date, precision = "f32";
  double gflops = 0;
  bool json = false;
};

// FLOPs of one image of the model.
double model_flops(const std::string& path) {
  const LoadedModel model = load_model(path, {}, 1);
  return static_cast<double>(model.plan->cost().flops) / static_cast<double>(batch_of(*model.plan));
}

int trend(const Options& options) {
  if (options.model.empty() == (options.gflops == 0))
    throw Error("give either a MODEL or --gflops, so that there is something to estimate");
  const int day = energy::ordinal_day(options.date);
  const energy::Trend fit;
  // Refusals come before the model is loaded.
  (void)energy::estimate_by_trend(1, day, options.precision, fit);
  const double flops = options.model.empty() ? options.gflops * 1e9 : model_flops(options.model);
  const energy::Estimated<energy::Joules> joules =
      energy::estimate_by_trend(flops, day, options.precision, fit);
  const double gflops_per_watt = fit.flops_per_joule(day) / 1e9;
  if (options.json) {
    print_json({{"schema", "godwit.trend/1"},
                {"quality", energy::name_of(energy::Quality::estimate)},
                {"date", options.date},
                {"gflops", flops / 1e9},
                {"gflops_per_watt", gflops_per_watt},
                {"estimated_j_per_image", {joules.low(), joules.middle(), joules.high()}}});
    return kDone;
  }
  print(fmt::format(
      "estimate, not a measurement: {:.4g} J per image ({:.4g} to {:.4g})\n"
      "  FLOPs per image    {:.4g} G (1 MAC = 2 FLOPs)\n"
      "  efficiency         {:.2f} GFLOPS/W, that of accelerators launched about {}\n"
      "  source             fit over 32 GPUs of Desislavov et al. 2023, table J.9; x{:.2f} per year\n"
      "  the range          a factor of {:.0f} each way: published measurements scatter so about such "
      "formulas\n",
      joules.middle(), joules.low(), joules.high(), flops / 1e9, gflops_per_watt, options.date,
      fit.per_year(), energy::kUncalibratedFactor));
  return kDone;
}

std::function<int()> prepare(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.add_option("MODEL", options->model, "A model whose FLOPs are counted; or give --gflops.");
  app.add_option("--gflops", options->gflops, "10^9 FLOPs of one image, 2 for every multiply-add.")
      ->check(positive_real())
      ->type_name("G");
  app.add_option("--date", options->date,
                 "Launch of the accelerators compared with, 2010-11-09 to 2020-09-01.")
      ->required()
      ->type_name("YYYY-MM-DD");
  app.add_option("--precision", options->precision, "f32, bf16 or f16; int8 is refused.")
      ->check(one_of({"f32", "bf16", "f16", "int8"}))
      ->type_name("P")
      ->default_str("f32");
  add_json_option(app, options->json);
  return [options] { return trend(*options); };
}

}  // namespace

const Command energy_trend_command = {
    "energy trend",
    "Measure",
    "joules per image of accelerators of a given year, by the literature",
    "[MODEL] --date YYYY-MM-DD [options]",
    "For comparison with the literature only: the FLOPs of one image over the efficiency (GFLOPS/W) that "
    "accelerators had at a date, from a log-linear fit over 32 GPUs (Desislavov et al. 2023). The result is "
    "an estimate with a range of a factor of 4 each way; it says nothing about this machine. A date outside "
    "of the fitted data is refused, and so is int8, which saves far less than operations per watt promise.",
    "godwit energy trend --gflops 7.6 --date 2018-03-27\n"
    "godwit energy trend models/resnet50.onnx --date 2020-04-14 --json",
    prepare,
};

}  // namespace godwit::tools
