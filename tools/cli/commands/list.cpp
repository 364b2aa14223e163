// godwit list: what is in this build.
#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <memory>
#include <nlohmann/json.hpp>

#include "engine/pass.h"
#include "ops/implementation.h"
#include "ops/kernel_table.h"
#include "runtime/cpu.h"
#include "runtime/knobs.h"
#include "tools/cli/commands/commands.h"
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

struct Subject {
  std::string_view name;
  Listing (*list)();
};
constexpr Subject kSubjects[] = {{"ops", list_ops},
                                 {"kernels", list_kernels},
                                 {"passes", list_passes},
                                 {"isas", list_isas},
                                 {"knobs", list_knobs}};

const Subject* find_subject(std::string_view name) {
  for (const Subject& subject : kSubjects) {
    if (subject.name == name) return &subject;
  }
  return nullptr;
}

int list(const Options& options) {
  const Listing listing = find_subject(options.what)->list();
  if (options.json) {
    Json rows = Json::array();
    for (const auto& row : listing.rows) {
      Json object = Json::object();
      for (std::size_t i = 0; i < row.size(); ++i) object[listing.columns[i].title] = row[i];
      rows.push_back(std::move(object));
    }
    print_json({{"schema", "godwit.list/1"}, {options.what, std::move(rows)}});
    return kDone;
  }
  Table table(listing.columns);
  for (const auto& row : listing.rows) table.add(row);
  print(table.to_string());
  return kDone;
}

std::function<int()> prepare(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.add_option("WHAT", options->what, "ops, kernels, passes, isas or knobs (environment variables).")
      ->required()
      ->check(CLI::Validator(
          [](std::string& text) -> std::string {
            if (find_subject(text) != nullptr) return "";
            return fmt::format("'{}' is none of ops, kernels, passes, isas, knobs", text);
          },
          ""));
  add_json_option(app, options->json);
  return [options] { return list(*options); };
}

}  // namespace

const Command list_command = {
    "list",
    "Look inside",
    "operators, kernels, passes, ISAs and environment variables of this build",
    "ops|kernels|passes|isas|knobs [options]",
    "ops: the operators with their implementations, from the most special to the reference. kernels: the "
    "micro-kernels, named family_dtype_tile_isa. passes: the graph passes in the order in which they run. "
    "isas: the instruction sets that kernels exist for, which of them this CPU has, and which one is active "
    "where --isa is not given. knobs: the environment variables that are read, and their values now.",
    "godwit list kernels\n"
    "godwit list isas --json",
    prepare,
};

}  // namespace godwit::tools
