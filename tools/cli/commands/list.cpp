// godwit list: what is in this build.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <memory>
#include <nlohmann/json.hpp>

#include "engine/pass.h"
#include "ops/implementation.h"
#include "ops/kernel_table.h"
#include "runtime/cpu.h"
#include "runtime/image/pipeline.h"
#include "runtime/knobs.h"
#include "tools/cli/commands/commands.h"
#include "tools/cli/help.h"
#include "tools/cli/options.h"
#include "tools/report/console.h"
#include "tools/report/json.h"
#include "tools/report/text.h"

namespace godwit::tools {
namespace {

using enum Table::Align;

struct Options {
  std::string what;
  bool json = false;
};

// Rows under titles: the table for people, an array of objects for machines.
struct Listing {
  std::vector<Table::Column> columns;
  std::vector<std::vector<std::string>> rows;
  std::string advice = {};  // below the table
};

Listing list_ops() {
  Listing listing{{{"op", left}, {"since opset", right}, {"implementations", left}, {"does", left}}, {}};
  for (const ops::OpDef* op : ops::all_ops()) {
    std::string implementations;
    for (const ops::Implementation* each : op->implementations)
      implementations += std::string(each->name) + " ";
    const std::string name =
        op->domain.empty() ? std::string(op->name) : fmt::format("{}.{}", op->domain, op->name);
    listing.rows.push_back(
        {name, fmt::format("{}", op->since_opset), implementations + "reference", std::string(op->sentence)});
  }
  return listing;
}

Listing list_kernels() {
  Listing listing{{{"kernel", left},
                   {"family", left},
                   {"dtype", left},
                   {"tile", left},
                   {"isa", left},
                   {"this CPU", left}},
                  {}};
  for (const ops::KernelInfo& kernel : ops::all_kernels()) {
    listing.rows.push_back({ops::name_of(kernel), std::string(ops::name_of(kernel.family)),
                            std::string(name_of(kernel.dtype)), fmt::format("{}x{}", kernel.mr, kernel.nr),
                            std::string(name_of(kernel.isa)), cpu_supports(kernel.isa) ? "yes" : "no"});
  }
  return listing;
}

Listing list_passes() {
  Listing listing{{{"position", right}, {"pass", left}, {"does", left}}, {}};
  for (const engine::Pass& pass : engine::pipeline()) {
    listing.rows.push_back(
        {fmt::format("{}", listing.rows.size() + 1), std::string(pass.name), std::string(pass.sentence)});
  }
  return listing;
}

Listing list_isas() {
  Listing listing{{{"isa", left}, {"this CPU", left}, {"active", left}}, {}};
  for (const Isa isa : isas_of_build()) {
    listing.rows.push_back(
        {std::string(name_of(isa)), cpu_supports(isa) ? "yes" : "no", isa == best_isa() ? "yes" : "no"});
  }
  return listing;
}

Listing list_knobs() {
  Listing listing{{{"variable", left}, {"now", left}, {"default", left}, {"does", left}}, {}};
  for (const Knob& each : knobs()) {
    listing.rows.push_back({std::string(each.name), knob(each.name).value_or("-"),
                            std::string(each.default_value), std::string(each.sentence)});
  }
  return listing;
}

Listing list_presets() {
  Listing listing{{{"preset", left},
                   {"short side", right},
                   {"crop", right},
                   {"filter", left},
                   {"values", left},
                   {"whose models", left}},
                  {}};
  for (const image::Preset& preset : image::presets()) {
    const image::Pipeline pipeline = image::pipeline(std::string(preset.name));
    listing.rows.push_back({std::string(preset.name), image::text_of(pipeline.resize),
                            image::text_of(pipeline.crop), std::string(name_of(pipeline.filter)),
                            image::value_sentence(pipeline), std::string(preset.sentence)});
  }
  listing.advice =
      "\n" +
      wrap(
          "Choose by where the weights come from; the page that offers them says how images were prepared. "
          "Where it does not, try: with a wrong preset accuracy falls, by some points or to nothing, so the "
          "right one has the highest top-1 on a few hundred labelled images:",
          0) +
      "  godwit accuracy model.onnx --data DIR --labels FILE.csv --preprocess torch\n" +
      wrap(
          "Another size is --resize; another filter, order or range of values is a JSON file ('godwit "
          "classify --help-all'); for a caffe model that takes blue first it holds:",
          0) +
      "  {\"preset\": \"caffe\", \"order\": \"bgr\", \"mean\": [103.939, 116.779, 123.68]}\n" +
      wrap("'godwit convert model.onnx mine.onnx --preprocess torch' writes the choice into the model.", 0);
  return listing;
}

struct Subject {
  std::string_view name;
  Listing (*list)();
};
constexpr Subject kSubjects[] = {{"ops", list_ops},   {"kernels", list_kernels}, {"passes", list_passes},
                                 {"isas", list_isas}, {"knobs", list_knobs},     {"presets", list_presets}};

const Subject* find_subject(std::string_view name) {
  for (const Subject& subject : kSubjects) {
    if (subject.name == name) return &subject;
  }
  return nullptr;
}

// "since opset" becomes since_opset, "this CPU" this_cpu.
std::string key_of(std::string title) {
  for (char& c : title) c = c == ' ' ? '_' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return title;
}

// Columns to the right are numbers.
Json number(const std::string& text) { return Json::parse(text); }

int list(const Options& options) {
  const Listing listing = find_subject(options.what)->list();
  if (options.json) {
    Json rows = Json::array();
    for (const auto& row : listing.rows) {
      Json object = Json::object();
      for (std::size_t i = 0; i < row.size(); ++i)
        object[key_of(listing.columns[i].title)] =
            listing.columns[i].align == right ? number(row[i]) : Json(row[i]);
      rows.push_back(std::move(object));
    }
    print_json({{"schema", "godwit.list/1"}, {options.what, std::move(rows)}});
    return kDone;
  }
  Table table(listing.columns);
  for (const auto& row : listing.rows) table.add(row);
  print(table.to_string() + listing.advice);
  return kDone;
}

std::function<int()> prepare(CLI::App& app) {
  auto options = std::make_shared<Options>();
  std::vector<std::string> subjects;
  for (const Subject& subject : kSubjects) subjects.emplace_back(subject.name);
  app.add_option("WHAT", options->what,
                 "ops, kernels, passes, isas, knobs (environment variables) or presets (of preprocessing).")
      ->required()
      ->check(one_of(subjects));
  add_json_option(app, options->json);
  return [options] { return list(*options); };
}

}  // namespace

const Command list_command = {
    "list",
    "Look inside",
    "operators, kernels, passes, ISAs, presets and knobs of this build",
    "ops|kernels|passes|isas|knobs|presets [options]",
    "ops: the operators with their implementations, from the most special to the reference. kernels: the "
    "micro-kernels, named family_dtype_tile_isa. passes: the graph passes in the order in which they run. "
    "isas: the instruction sets that kernels exist for, which of them this CPU has, and which one is active "
    "where --isa is not given. presets: what --preprocess knows by name, for whose models each is, and how "
    "to "
    "choose. knobs: the environment variables that are read, and their values now.",
    "godwit list kernels\n"
    "godwit list presets\n"
    "godwit list isas --json",
    prepare,
};

}  // namespace godwit::tools
