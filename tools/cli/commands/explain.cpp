// godwit explain: what the passes did, and for every step which implementations were weighed and why one was
// chosen.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <memory>
#include <nlohmann/json.hpp>

#include "runtime/error.h"
#include "runtime/nearest_name.h"
#include "tools/bench/plan_facts.h"
#include "tools/cli/commands/commands.h"
#include "tools/cli/model.h"
#include "tools/cli/options.h"
#include "tools/report/console.h"
#include "tools/report/json.h"
#include "tools/report/text.h"

namespace godwit::tools {
namespace {

struct Options {
  EngineOptions engine;
  std::string model, node;
  bool json = false;
};

bool does(const engine::Step& step, const std::string& node) {
  return step.name == node || std::ranges::find(step.origins, node) != step.origins.end();
}

std::vector<std::string> texts(const std::vector<TensorDesc>& descs) {
  std::vector<std::string> result;
  for (const TensorDesc& desc : descs) result.push_back(desc.to_string());
  return result;
}

// Gives the reason for this one and not another: the time of a trial, else the estimates, else the order.
std::string verdict(const ops::Candidate& candidate, const ops::Candidate& chosen) {
  if (candidate.chosen) return "chosen";
  if (!candidate.rejected.empty()) return fmt::format("no: {}", candidate.rejected);
  if (candidate.seconds && chosen.seconds) {
    return *candidate.seconds < *chosen.seconds ? "would do, is faster by too little" : "would do, is slower";
  }
  if (candidate.cost && chosen.cost)
    return *candidate.cost < *chosen.cost ? "would do" : "would do, is estimated slower";
  return "would do, but comes later";
}

// "cost 12.3 M, 0.412 ms" as far as they are known; the cost is in vector multiply-adds.
std::string figures(const ops::Candidate& candidate) {
  std::string text;
  if (candidate.cost) text += fmt::format(", cost {}", with_prefix(*candidate.cost));
  if (candidate.seconds) text += fmt::format(", measured {:.3f} ms", *candidate.seconds * 1e3);
  return text;
}

Json number_or_null(const std::optional<double>& number) { return number ? Json(*number) : Json(); }

Json chain_json(const engine::FusedRows* chain, const engine::Plan& plan) {
  if (chain == nullptr) return {};
  Json steps = Json::array();
  for (std::size_t i = chain->first(); i < chain->last(); ++i) steps.push_back(plan.steps()[i].name);
  return {{"steps", std::move(steps)},
          {"lines_at_a_time", chain->strip_lines()},
          {"buffer_bytes", chain->buffer_bytes()}};
}

std::string chain_text(const engine::FusedRows* chain, const engine::Plan& plan) {
  if (chain == nullptr) return "";
  return fmt::format("    in a chain from {} to {}: {} of the last result at a time, {} KiB a thread\n",
                     plan.steps()[chain->first()].name, plan.steps()[chain->last() - 1].name,
                     counted(chain->strip_lines(), "line"), (chain->buffer_bytes() + 1023) / 1024);
}

Json step_json(const engine::Step& step, const engine::Plan& plan, const engine::FusedRows* chain) {
  Json candidates = Json::array();
  for (const ops::Candidate& candidate : step.candidates) {
    candidates.push_back({{"implementation", candidate.implementation},
                          {"chosen", candidate.chosen},
                          {"rejected", candidate.rejected},
                          {"cost", number_or_null(candidate.cost)},
                          {"seconds", number_or_null(candidate.seconds)}});
  }
  return {{"name", step.name},
          {"origins", step.origins},
          {"op", step.op->name},
          {"inputs", texts(step.src_descs)},
          {"outputs", texts(step.dst_descs)},
          {"implementation", step.implementation},
          {"kernel", step.kernel},
          {"chain", chain_json(chain, plan)},
          {"candidates", std::move(candidates)}};
}

std::string step_text(const engine::Step& step, const engine::Plan& plan, const engine::FusedRows* chain) {
  std::string text =
      fmt::format("{} ({})\n  {} -> {}\n", layers_of(step), step.op->name,
                  fmt::join(texts(step.src_descs), ", "), fmt::join(texts(step.dst_descs), ", "));
  std::size_t width = 0;
  for (const ops::Candidate& candidate : step.candidates)
    width = std::max(width, candidate.implementation.size());
  const ops::Candidate& chosen = *std::ranges::find_if(step.candidates, &ops::Candidate::chosen);
  for (const ops::Candidate& candidate : step.candidates) {
    const bool with_kernel = candidate.chosen && !step.kernel.empty();
    text += fmt::format("    {:<{}}  {}{}{}\n", candidate.implementation, width, verdict(candidate, chosen),
                        figures(candidate), with_kernel ? fmt::format(", kernel {}", step.kernel) : "");
  }
  text += chain_text(chain, plan);
  return text;
}

std::string passes_text(const engine::Plan& plan) {
  std::string text = "passes\n";
  for (const engine::PassReport& pass : plan.passes()) {
    text += fmt::format("  {:<22}{}\n", pass.name, counted(pass.log.rewrites, "rewrite"));
    for (const std::string& line : pass.log.lines) text += fmt::format("    {}\n", line);
  }
  return text + "\nsteps\n";
}

int explain(const Options& options) {
  const LoadedModel model = load_model(options.model, options.engine, 1);
  const engine::Plan& plan = *model.plan;
  std::vector<std::size_t> steps;
  for (std::size_t i = 0; i < plan.steps().size(); ++i) {
    if (options.node.empty() || does(plan.steps()[i], options.node)) steps.push_back(i);
  }
  if (steps.empty() && !options.node.empty()) {
    std::vector<std::string_view> names;
    for (const engine::Node& node : model.graph.nodes) names.push_back(node.name);
    const bool in_model = std::ranges::any_of(
        model.graph.nodes, [&](const engine::Node& node) { return node.name == options.node; });
    throw Error(
        in_model
            ? fmt::format("no step runs node '{}': the passes folded it into constants or found it without "
                          "effect; without --node they are told",
                          options.node)
            : fmt::format("the model has no node '{}'; 'godwit inspect --layers' shows them{}", options.node,
                          did_you_mean(options.node, names)));
  }
  if (options.json) {
    Json passes = Json::array();
    for (const engine::PassReport& pass : plan.passes()) {
      passes.push_back({{"name", pass.name}, {"rewrites", pass.log.rewrites}, {"lines", pass.log.lines}});
    }
    Json rows = Json::array();
    for (const std::size_t i : steps) rows.push_back(step_json(plan.steps()[i], plan, plan.fused_rows_of(i)));
    Json json = {
        {"schema", "godwit.explain/1"}, {"model", options.model}, {"isa", name_of(plan.target().isa)}};
    add_without(options.engine, json);
    json["passes"] = std::move(passes);
    json["steps"] = std::move(rows);
    print_json(json);
    return kDone;
  }
  std::string text = options.node.empty() ? passes_text(plan) : "";
  for (const std::size_t i : steps) text += step_text(plan.steps()[i], plan, plan.fused_rows_of(i));
  print(text);
  return kDone;
}

std::function<int()> prepare(CLI::App& app) {
  auto options = std::make_shared<Options>();
  add_model_argument(app, options->model);
  app.add_option("--node", options->node, "Only the step that does this layer of the model.")
      ->type_name("NAME");
  add_json_option(app, options->json);
  add_engine_options(app, options->engine, false);
  add_plan_options(app, options->engine);
  return [options] { return explain(*options); };
}

}  // namespace

const Command explain_command = {
    "explain",
    "Look inside",
    "what the compiler did to a model and why it chose each implementation",
    "MODEL [options]",
    "First the graph passes in the order in which they ran, with what each rewrote; then every step of the "
    "plan under the names of the model's layers that it does, its operands and results, and every "
    "implementation of its operator from the most special to the reference: chosen, or why not, with its "
    "estimated cost (in multiply-adds of one vector) where its operator has a cost model. --tune times them "
    "all and chooses by that; --plan shows what such a trial measured. Steps of a chain hand lines of their "
    "results to each other, so that these never lie whole in memory.",
    "godwit explain models/resnet50.onnx --node conv1\n"
    "godwit explain models/resnet50.onnx --tune resnet50.plan\n"
    "godwit explain models/resnet50.onnx --without conv_winograd4\n"
    "godwit explain models/resnet50.onnx --isa generic --disable-pass fuse_activation",
    prepare,
    {},
    "--node --precision --isa --disable-pass --json",
};

}  // namespace godwit::tools
