// The conditions that every pass must leave true, checked after each one.
#include <algorithm>
#include <fmt/format.h>

#include "engine/graph.h"
#include "engine/rewrite.h"
#include "ops/layout.h"
#include "runtime/error.h"

namespace godwit::engine {
namespace {

[[noreturn]] void complain(const std::string& message) { throw Error(message, ErrorKind::failed); }

class Verifier {
 public:
  explicit Verifier(const Graph& graph) : graph_(graph), state_(graph.values.size(), State::unseen) {}

  void run() {
    check_values();
    for (const Node& node : graph_.nodes) {
      with_context([&] { return describe(node); }, [&] { check_node(node); });
    }
    for (const ValueId id : graph_.outputs) {
      check_id(id);
      if (state(id) == State::unseen) complain(fmt::format("output '{}' is never computed", name(id)));
    }
    check_inference();
  }

 private:
  enum class State : std::uint8_t { unseen, given, computed };

  State& state(ValueId id) { return state_[static_cast<std::size_t>(id)]; }
  const std::string& name(ValueId id) const { return graph_.value(id).name; }

  void check_id(ValueId id) const {
    if (id < 0 || static_cast<std::size_t>(id) >= graph_.values.size()) {
      complain(fmt::format("value {} does not exist, there are {}", id, graph_.values.size()));
    }
  }

  void check_values() {
    for (std::size_t v = 0; v < graph_.values.size(); ++v) {
      const Value& value = graph_.values[v];
      if (value.desc.layout != Layout::nchw && !ops::can_be_nhwc(value.desc.shape)) {
        complain(fmt::format("value '{}' is nhwc with shape {}, which only rank 3 to 5 can be", value.name,
                             graph_.to_string(value.desc.shape)));
      }
      if (!value.constant) continue;
      if (!(value.constant->desc() == value.desc)) {
        complain(fmt::format("constant '{}' is {}, described as {}", value.name,
                             value.constant->desc().to_string(), value.desc.to_string()));
      }
      state_[v] = State::given;
    }
    for (const ValueId id : graph_.inputs) {
      check_id(id);
      if (state(id) == State::given)
        complain(fmt::format("input '{}' is given twice or is a constant", name(id)));
      state(id) = State::given;
    }
  }

  void check_node(const Node& node) {
    if (node.op == nullptr) complain("it has no operator");
    for (const ValueId id : node.inputs) {
      if (id == kNoValue) continue;
      check_id(id);
      if (state(id) == State::unseen)
        complain(fmt::format("it reads '{}' before anything computes it", name(id)));
    }
    check_epilogue(node);
    for (const ValueId id : node.outputs) {
      if (id == kNoValue) continue;
      check_id(id);
      if (state(id) == State::computed)
        complain(fmt::format("'{}' is already computed by another node", name(id)));
      if (state(id) == State::given)
        complain(fmt::format("it computes '{}', which is an input or a constant", name(id)));
      state(id) = State::computed;
    }
  }

  void check_epilogue(const Node& node) const {
    const ops::Epilogue& epilogue = node.epilogue;
    if (epilogue.clamps() && !node.op->fuses_clamp) complain("it has a clamp that its operator cannot apply");
    if (!(epilogue.minimum <= epilogue.maximum)) {
      complain(fmt::format("its clamp [{}, {}] is empty", epilogue.minimum, epilogue.maximum));
    }
    if (epilogue.dst_f32 && !node.op->fuses_dst_f32)
      complain("it dst_f32 its result, which its operator cannot do");
    if (!epilogue.residual) return;
    if (!node.op->fuses_residual) complain("it has a residual that its operator cannot add");
    if (node.inputs.empty() || node.inputs.back() == kNoValue) complain("its residual operand is missing");
    if (node.outputs.empty() || node.outputs[0] == kNoValue) complain("it adds a residual to no result");
    check_id(node.outputs[0]);
    const TensorDesc& residual = graph_.value(node.inputs.back()).desc;
    const TensorDesc& result = graph_.value(node.outputs[0]).desc;
    if (!(residual == result)) {
      complain(fmt::format("its residual '{}' is {}, its result {}", name(node.inputs.back()),
                           residual.to_string(), result.to_string()));
    }
  }

  // Infers a copy afresh and compares. Layouts are chosen, not inferred.
  void check_inference() const {
    Graph copy = graph_;
    try {
      infer_shapes(copy);
    } catch (const Error& error) {
      complain(error.what());
    }
    for (const Node& node : graph_.nodes) {
      for (const ValueId id : node.outputs) {
        if (id == kNoValue) continue;
        const TensorDesc& desc = graph_.value(id).desc;
        const TensorDesc& inferred = copy.value(id).desc;
        if (desc.dtype == inferred.dtype && desc.shape == inferred.shape) continue;
        complain(fmt::format("{}: '{}' is described as {} {}, inference gives {} {}", describe(node),
                             name(id), name_of(desc.dtype), graph_.to_string(desc.shape),
                             name_of(inferred.dtype), graph_.to_string(inferred.shape)));
      }
    }
  }

  const Graph& graph_;
  std::vector<State> state_;
};

}  // namespace

void verify(const Graph& graph) { Verifier(graph).run(); }

}  // namespace godwit::engine
