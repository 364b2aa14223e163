// From a model to a plan: outputs chosen, passes run, shapes bound, passes run again, steps built.
#include <algorithm>
#include <fmt/format.h>

#include "engine/body.h"
#include "engine/images.h"
#include "engine/plan_builder.h"
#include "ops/attribute_views.h"
#include "ops/known_ops.h"
#include "ops/layout.h"
#include "runtime/error.h"
#include "runtime/threads.h"

namespace godwit::engine {
namespace {

std::string names_of(const Graph& graph, const std::vector<ValueId>& ids) {
  std::string names;
  for (const ValueId id : ids) names += (names.empty() ? "" : ", ") + graph.value(id).name;
  return names;
}

void select_outputs(Graph& graph, const std::vector<std::string>& names) {
  if (names.empty()) return;
  std::vector<ValueId> selected;
  for (const std::string& name : names) {
    const ValueId id = graph.find_value(name);
    if (id == kNoValue) {
      throw Error(fmt::format("the model has no output or other tensor '{}'; its outputs are: {}", name,
                              names_of(graph, graph.outputs)));
    }
    if (std::ranges::find(selected, id) != selected.end()) {
      throw Error(fmt::format("output '{}' is asked for twice", name));
    }
    selected.push_back(id);
  }
  graph.outputs = std::move(selected);
}

// Shapes as the options say, and 1 for every dimension that is still unknown then.
void bind_shapes(Graph& graph, const std::map<std::string, Shape>& shapes) {
  for (const auto& [name, shape] : shapes) bind_input(graph, name, shape);
  for (const ValueId id : graph.inputs) {
    const Value& input = graph.value(id);
    Shape shape = input.desc.shape;
    if (!shape.ranked()) {
      throw Error(fmt::format("input '{}' has no number of dimensions in the model; its shape must be given",
                              input.name));
    }
    for (int axis = 0; axis < shape.rank(); ++axis) {
      if (!is_known(shape[axis])) shape[axis] = 1;
    }
    bind_input(graph, std::string(input.name), shape);
  }
}

Node cast_node(const Graph& graph, ValueId from, ValueId to) {
  Node node;
  const DType dtype = graph.value(to).desc.dtype;
  node.name = fmt::format("cast {} to {}", graph.value(from).name, name_of(dtype));
  node.op = &ops::op_cast();
  ops::set_cast_dtype(node.attributes, dtype);
  node.inputs = {from};
  node.outputs = {to};
  return node;
}

bool takes_f32_for(DType dtype) {
  return dtype != DType::f32 && (is_float(dtype) || dtype == DType::u8 || dtype == DType::s8);
}

// Each input that holds other numbers becomes one of f32, with a cast to the model's own type behind it.
void set_f32_inputs(Graph& graph) {
  for (const ValueId input : graph.inputs) {
    const TensorDesc desc = graph.value(input).desc;
    if (!takes_f32_for(desc.dtype)) continue;
    const std::string name = graph.value(input).name;
    const ValueId own = graph.add_value(fmt::format("{}/{}", name, name_of(desc.dtype)), desc);
    for (Node& node : graph.nodes) std::ranges::replace(node.inputs, input, own);
    std::ranges::replace(graph.outputs, input, own);
    graph.value(input).desc.dtype = DType::f32;
    graph.nodes.insert(graph.nodes.begin(), cast_node(graph, input, own));
  }
}

// The same of outputs.
void set_f32_outputs(Graph& graph) {
  for (ValueId& output : graph.outputs) {
    TensorDesc desc = graph.value(output).desc;
    if (!takes_f32_for(desc.dtype)) continue;
    desc.dtype = DType::f32;
    // Callers go on knowing the output by its name.
    std::string name = graph.value(output).name;
    graph.value(output).name += "/stored";
    const ValueId real = graph.add_value(std::move(name), desc);
    graph.nodes.push_back(cast_node(graph, output, real));
    output = real;
  }
}

// An input in nhwc is reordered in front of its readers; choose_layout does away with that where it can.
void set_input_layouts(Graph& graph, const std::map<std::string, Layout>& layouts) {
  for (const auto& [name, layout] : layouts) {
    const auto found = std::ranges::find(graph.inputs, std::string_view(name),
                                         [&](ValueId id) { return std::string_view(graph.value(id).name); });
    if (found == graph.inputs.end()) {
      throw Error(fmt::format("the model has no input '{}'; its inputs are: {}", name,
                              names_of(graph, graph.inputs)));
    }
    if (layout == Layout::nchw) continue;
    const ValueId input = *found;
    TensorDesc desc = graph.value(input).desc;
    if (!ops::can_be_nhwc(desc.shape)) {
      throw Error(fmt::format("input '{}' has shape {}; only 3 to 5 dimensions can be nhwc", name,
                              desc.shape.to_string()));
    }
    const ValueId plain = graph.add_value(name + "/nchw", desc);
    for (Node& node : graph.nodes) std::ranges::replace(node.inputs, input, plain);
    std::ranges::replace(graph.outputs, input, plain);
    graph.value(input).desc.layout = Layout::nhwc;
    Node reorder;
    reorder.name = "reorder " + name;
    reorder.op = &ops::op_reorder();
    ops::set_reorder_layout(reorder.attributes, Layout::nchw);
    reorder.inputs = {input};
    reorder.outputs = {plain};
    graph.nodes.insert(graph.nodes.begin(), std::move(reorder));
  }
}

// One report for each pass, the lines of its first run before those of its second.
std::vector<PassReport> joined(const std::vector<PassReport>& first, std::vector<PassReport> second) {
  for (PassReport& report : second) {
    const auto before = std::ranges::find(first, report.name, &PassReport::name);
    if (before == first.end()) continue;
    report.log.rewrites += before->log.rewrites;
    report.log.lines.insert(report.log.lines.begin(), before->log.lines.begin(), before->log.lines.end());
  }
  return second;
}

// Null where the model does not take single images, or would compute them in other steps.
std::shared_ptr<const Plan> single_image_plan(const Plan& plan) {
  std::map<std::string, Shape> shapes;
  for (const PlanInput& input : plan.inputs()) {
    Shape shape = input.desc.shape;
    shape[0] = 1;
    shapes[input.name] = shape;
  }
  const auto same = [](const Step& a, const Step& b) {
    return a.name == b.name && a.implementation == b.implementation && a.kernel == b.kernel;
  };
  try {
    std::shared_ptr<const Plan> one = plan.with_shapes(shapes);
    if (std::ranges::equal(one->steps(), plan.steps(), same)) return one;
  } catch (const Error&) {  // a batch that the model fixes
  }
  return nullptr;
}

bool is_quantized(const ops::OpDef& op) { return op.kind == ops::OpKind::quantized; }

void require_precision(Precision wanted, Precision compiled) {
  if (wanted == Precision::automatic || wanted == compiled) return;
  throw Error(fmt::format("the implementations are chosen for {}, but the model is compiled in {}",
                          name_of(wanted), name_of(compiled)));
}

// Refuses what is sure before shapes are bound, ahead of the first choice that does not fit its step.
void check_precision(const Graph& general, const CompileOptions& options) {
  const Precision chosen_for = options.choices.precision;
  if (std::ranges::any_of(general.nodes, [](const Node& node) { return is_quantized(*node.op); })) {
    require_precision(chosen_for, Precision::int8);
  } else if (options.precision != Precision::automatic) {
    require_precision(chosen_for, options.precision);
  } else if (general.storage == DType::f32) {
    require_precision(chosen_for, Precision::f32);
  }
}

// Shapes that are bound settle more conditions, and these more shapes, until nothing changes.
void settle_control_flow(Graph& graph, const CompileOptions& options) {
  std::vector<std::string> others = options.disabled_passes;
  for (const Pass& pass : pipeline()) {
    if (pass.name != "fold_constants" && pass.name != "inline_graphs" && pass.name != "resolve_lists" &&
        pass.name != "eliminate_dead")
      others.emplace_back(pass.name);
  }
  const auto waits = [](const Node& node) { return is_interpreted(*node.op); };
  int rewrites = 1;
  while (rewrites > 0 && std::ranges::any_of(graph.nodes, waits)) {
    rewrites = 0;
    for (const PassReport& report :
         run_pipeline(graph, options.target, {.disabled = others, .shapes_bound = false}))
      rewrites += report.log.rewrites;
  }
}

bool ran(const std::vector<PassReport>& reports, std::string_view pass) {
  return std::ranges::find(reports, pass, &PassReport::name) != reports.end();
}

}  // namespace

std::shared_ptr<const Plan> PlanBuilder::build(PlanSource source) {
  const std::shared_ptr<Plan> plan(new Plan());
  plan->options_ = source.options;
  plan->metadata_ = source.graph->metadata;
  plan->graph_ = source.graph;
  plan->graph_passes_ = source.passes;
  plan->weights_ = source.weights;

  Graph graph = *source.graph;
  bind_shapes(graph, source.options.shapes);
  if (source.options.f32_inputs) set_f32_inputs(graph);
  if (source.options.f32_outputs) set_f32_outputs(graph);
  set_input_layouts(graph, source.options.input_layouts);
  infer_shapes(graph);
  settle_control_flow(graph, source.options);
  for (const ValueId id : graph.outputs)
    plan->all_outputs_.push_back({graph.value(id).name, graph.value(id).desc});
  std::optional<DynamicTail> tail = split_tail(graph);
  const std::vector<std::string> output_names = [&] {
    std::vector<std::string> names;
    for (const ValueId id : graph.outputs) names.push_back(graph.value(id).name);
    return names;
  }();
  if (tail) plan->tail_ = std::make_shared<const DynamicTail>(std::move(*tail));
  plan->passes_ = joined(source.passes, run_pipeline(graph, source.options.target,
                                                     {.disabled = source.options.disabled_passes,
                                                      .stop_after = source.options.stop_after,
                                                      .shapes_bound = true,
                                                      .weights = source.weights.get(),
                                                      .threads = chosen_threads(source.options.threads),
                                                      .precision = source.options.precision,
                                                      .choices = &source.options.choices}));
  // Without the pass that packs for all, this plan packs for itself.
  ops::WeightCache own;
  const bool shares_weights = ran(plan->passes_, "prepack_weights");
  const std::int64_t images = plan->tail_ != nullptr ? 0 : separable_images(graph);
  PlanBuilder(std::move(graph), *plan, shares_weights ? *source.weights : own).run();
  for (std::size_t i = 0; i < output_names.size(); ++i) plan->outputs_[i].name = output_names[i];
  if (source.options.precision == Precision::int8 && plan->precision() != Precision::int8) {
    throw Error("no layer of this model is in 8-bit numbers; 'godwit quantize' makes such a model");
  }
  if (stored_dtype(source.options.precision) && plan->precision() != source.options.precision) {
    plan->notes_.push_back(fmt::format("no layer of this model can be stored in {}, so it runs in {}",
                                       name_of(source.options.precision), name_of(plan->precision())));
  }
  require_precision(source.options.choices.precision, plan->precision());
  plan->images_ = images;
  if (images > 1 && shares_weights) plan->one_image_ = single_image_plan(*plan);
  return plan;
}

std::shared_ptr<const Plan> compile(const Graph& graph, const CompileOptions& options) {
  if (!cpu_supports(options.target.isa)) {
    throw Error(fmt::format("this CPU cannot run {} code", name_of(options.target.isa)));
  }
  ops::require_implementations(options.target);
  Graph general = graph;
  general.declared_inputs.clear();  // defaults are settled
  select_outputs(general, options.outputs);
  infer_shapes(general);
  std::vector<PassReport> passes = run_pipeline(general, options.target,
                                                {.disabled = options.disabled_passes,
                                                 .stop_after = options.stop_after,
                                                 .shapes_bound = false,
                                                 .precision = options.precision});
  check_precision(general, options);
  return PlanBuilder::build({.graph = std::make_shared<const Graph>(std::move(general)),
                             .passes = std::move(passes),
                             .weights = std::make_shared<ops::WeightCache>(),
                             .options = options});
}

std::shared_ptr<const Plan> Plan::with_shapes(const std::map<std::string, Shape>& shapes) const {
  CompileOptions options = options_;
  options.shapes = shapes;
  return PlanBuilder::build(
      {.graph = graph_, .passes = graph_passes_, .weights = weights_, .options = std::move(options)});
}

std::shared_ptr<const Plan> Plan::with_choices(const Choices& choices) const {
  CompileOptions options = options_;
  options.choices = choices;
  return PlanBuilder::build(
      {.graph = graph_, .passes = graph_passes_, .weights = weights_, .options = std::move(options)});
}

Precision Plan::precision() const {
  if (std::ranges::any_of(steps_, [](const Step& step) { return is_quantized(*step.op); })) {
    return Precision::int8;
  }
  for (const Precision precision : {Precision::bf16, Precision::f16}) {
    const auto reads_it = [&](const Step& step) {
      return step.op->takes_16_bits && !step.src_descs.empty() &&
             step.src_descs[0].dtype == *stored_dtype(precision);
    };
    if (std::ranges::any_of(steps_, reads_it)) return precision;
  }
  return Precision::f32;
}

ops::Cost Plan::cost() const {
  ops::Cost total;
  for (const Step& step : steps_) {
    total.macs += step.cost.macs;
    total.flops += step.cost.flops;
    total.weight_bytes += step.cost.weight_bytes;
    total.activation_bytes += step.cost.activation_bytes;
  }
  return total;
}

}  // namespace godwit::engine
