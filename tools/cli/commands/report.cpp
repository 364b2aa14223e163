// godwit report: what ledgers and published tables say about energy, cost and accuracy.

#include "tools/report/report.h"

#include <CLI/CLI.hpp>
#include <charconv>
#include <fmt/format.h>
#include <memory>
#include <nlohmann/json.hpp>

#include "runtime/error.h"
#include "tools/bench/option_values.h"
#include "tools/cli/commands/commands.h"
#include "tools/cli/options.h"
#include "tools/report/console.h"
#include "tools/report/report_output.h"

namespace godwit::tools {
namespace {

struct Options {
  std::vector<std::string> files, limits;
  std::string price, currency, price_source, joules = "gross";
  double min_accuracy = -1, max_joules = -1, weight = -1, pue = 0;
  std::int64_t rows = 20;
  bool csv = false, json = false;
};

std::optional<double> number_in(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !(value > 0)) return std::nullopt;
  return value;
}

// A preset by its name, or a number with its currency and source.
std::optional<energy::Price> price_of(const Options& options) {
  if (options.price.empty()) {
    if (!options.currency.empty() || !options.price_source.empty())
      throw Error("--currency and --price-source belong to a number given by --price");
    return std::nullopt;
  }
  if (const energy::PricePreset* preset = energy::find_price(options.price))
    return energy::Price{preset->per_kwh, std::string(preset->currency), std::string(preset->source)};
  const std::optional<double> value = number_in(options.price);
  if (!value) {
    std::string names;
    for (const energy::PricePreset& preset : energy::price_presets())
      names += fmt::format("{}{}", names.empty() ? "" : ", ", preset.name);
    throw Error(fmt::format("--price '{}' is neither a number above 0 nor one of {}", options.price, names));
  }
  if (options.currency.empty() || options.price_source.empty())
    throw Error("a price as a number needs --currency CODE and --price-source TEXT, so that readers know it");
  return energy::Price{*value, options.currency, options.price_source};
}

ReportOptions report_options(const Options& options) {
  ReportOptions result;
  result.price = price_of(options);
  result.net = options.joules == "net";
  if (options.pue != 0) result.pue = options.pue;
  if ((options.min_accuracy >= 0) != (options.max_joules >= 0)) {
    throw Error(
        "accuracy per joule needs both --min-accuracy and --max-joules: without floors the model that knows "
        "least wins");
  }
  if (options.min_accuracy >= 0) result.floors = energy::Floors{options.min_accuracy, options.max_joules};
  if (options.weight >= 0) result.weight = options.weight;
  for (const std::string& text : options.limits) {
    const NamedText named = split_named(text);
    const std::optional<double> watts = number_in(named.value);
    if (!watts) throw Error(fmt::format("--tdp '{}' is not watts, expected 250 or SETUP=250", text));
    result.limits.push_back({named.name, *watts});
  }
  return result;
}

int report(const Options& options) {
  if (options.csv && options.json) throw Error("--csv and --json exclude each other");
  const ReportOptions asked = report_options(options);
  const Report result = make_report(read_report_rows(options.files), asked);
  if (options.json) {
    print_json(report_json(result));
  } else {
    print(options.csv ? report_csv(result) : report_text(result, static_cast<std::size_t>(options.rows)));
  }
  return kDone;
}

std::function<int()> prepare(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.add_option("FILES", options->files,
                 "Ledgers (JSON lines) and tables (CSV with the columns Model Name, Input Size, Accuracy, "
                 "Throughput and Energy in mJ). The rows of a file are one setup, named like it.")
      ->required()
      ->type_name("FILE...");
  app.add_option("--price", options->price, "sweden-2024, or the price of a kWh.")
      ->type_name("PRESET|NUMBER")
      ->default_str("what the records hold, else sweden-2024");
  app.add_option("--currency", options->currency, "Of a price given as a number.")->type_name("CODE");
  app.add_option("--price-source", options->price_source, "Where that number comes from.")->type_name("TEXT");
  app.add_option("--pue", options->pue,
                 "Power usage effectiveness of the building, 1 or more, in place of the records' own.")
      ->check(real_in(1, 10))
      ->type_name("X");
  app.add_option("--joules", options->joules, "What rankings go by: gross, or net of the baseline.")
      ->check(one_of({"gross", "net"}))
      ->type_name("KIND")
      ->default_str("gross");
  app.add_option("--min-accuracy", options->min_accuracy,
                 "With --max-joules: rank by accuracy per joule those of at least this top-1, in percent.")
      ->check(real_in(0, 100))
      ->type_name("P");
  app.add_option("--max-joules", options->max_joules, "And at most so many joules an image.")
      ->check(positive_real())
      ->type_name("J");
  app.add_option(
         "--weight", options->weight,
         "Rank by score = 100 - (W (100 E/N) + (1 - W)(100 - A)): 1 looks at energy only, 0 at accuracy "
         "only; N is the largest energy among the rows.")
      ->check(real_in(0, 1))
      ->type_name("W");
  add_list_option(app, "--tdp", options->limits,
                  "Power limit for the power line, of all setups or of one; can be given again.")
      ->type_name("[SETUP=]WATTS");
  app.add_option("--rows", options->rows, "Rows shown of each table; 0: all.")
      ->check(in_range(0, 1'000'000))
      ->type_name("N")
      ->default_str("20");
  app.add_flag("--csv", options->csv, "Print the rows as CSV.");
  add_json_option(app, options->json);
  return [options] { return report(*options); };
}

}  // namespace

const Command report_command = {
    "report",
    "Measure",
    "energy, cost and accuracy from ledgers and published tables",
    "FILE... [options]",
    "Prints for every run joules an image, Wh for 1,000 images, images/kWh and millions of images for one "
    "unit "
    "of a currency, all of the gross energy times the building's PUE; then what the rows say together: the "
    "Pareto front of energy and accuracy, rankings where asked for, the power line, and between setups "
    "geometric means, Pearson's and Spearman's correlation.\n\n"
    "Measured and estimated figures never share a column, and an estimate is in no ranking. Joules of an "
    "invalid run are not printed. A price covers electricity alone: no hardware, cooling, maintenance, "
    "network "
    "or storage.",
    "godwit report runs.jsonl --price sweden-2024\n"
    "godwit report A100_PT.csv A100_TRT.csv --tdp 250 --weight 0.5 --json",
    prepare,
};

}  // namespace godwit::tools
