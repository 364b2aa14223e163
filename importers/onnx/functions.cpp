// Bodies copied in the place of calls, with names of their own and the attributes of the call.
#include "importers/onnx/functions.h"

#include <fmt/format.h>
#include <map>
#include <string>
#include <tuple>
#include <unordered_map>
#include <unordered_set>

#include "importers/onnx/opset_adapters.h"
#include "importers/onnx/tensors.h"
#include "runtime/counted.h"
#include "runtime/error.h"

namespace godwit::importers {
namespace {

constexpr int kMostDepth = 64;
constexpr std::size_t kMostNodes = 1'000'000;

// Domain, name, overload.
using Key = std::tuple<std::string, std::string, std::string>;
using Names = std::unordered_map<std::string, std::string>;

std::string plain_domain(const std::string& domain) { return domain == "ai.onnx" ? "" : domain; }

std::int64_t opset_of(const google::protobuf::RepeatedPtrField<onnx::OpsetId>& imports) {
  for (const onnx::OpsetId& import : imports) {
    if (plain_domain(import.domain()).empty()) return import.version();
  }
  return -1;
}

class Inliner {
 public:
  explicit Inliner(onnx::Model& model) : model_(model) {
    for (const onnx::Function& function : model.functions()) {
      check_name(function.name(), "the name of a function");
      check_name(function.domain(), "the domain of a function");
      const Key key{plain_domain(function.domain()), function.name(), function.overload()};
      if (!functions_.emplace(key, &function).second)
        throw Error(
            fmt::format("function '{}' of domain '{}' is defined twice", function.name(), function.domain()));
    }
  }

  void run() {
    onnx::Graph graph = model_.graph();
    inline_nodes(graph, 0);
    *model_.mutable_graph() = std::move(graph);
  }

 private:
  const onnx::Function* function_of(const onnx::Node& node) const {
    if (is_supported(node)) return nullptr;
    const auto found = functions_.find({plain_domain(node.domain()), node.op_type(), node.overload()});
    return found == functions_.end() ? nullptr : found->second;
  }

  void inline_nodes(onnx::Graph& graph, int depth) {
    google::protobuf::RepeatedPtrField<onnx::Node> nodes;
    nodes.Swap(graph.mutable_node());
    for (onnx::Node& node : nodes) place(std::move(node), *graph.mutable_node(), depth);
  }

  void place(onnx::Node node, google::protobuf::RepeatedPtrField<onnx::Node>& dst, int depth) {
    if (const onnx::Function* function = function_of(node)) {
      with_context([&] { return fmt::format("function '{}'", function->name()); },
                   [&] { expand(node, *function, dst, depth); });
      return;
    }
    if (++count_ > kMostNodes) throw Error(fmt::format("its functions make more than {} nodes", kMostNodes));
    for (onnx::Attribute& attribute : *node.mutable_attribute()) {
      if (attribute.has_g()) inline_nodes(*attribute.mutable_g(), depth);
    }
    *dst.Add() = std::move(node);
  }

  void expand(const onnx::Node& call, const onnx::Function& function,
              google::protobuf::RepeatedPtrField<onnx::Node>& dst, int depth) {
    if (depth == kMostDepth) throw Error(fmt::format("calls are nested {} deep, maybe in themselves", depth));
    const std::int64_t opset = opset_of(function.opset_import()), model = opset_of(model_.opset_import());
    if (opset != -1 && model != -1 && opset != model) {
      throw Error(fmt::format("it is written in opset {}, the model in opset {}; they must be the same",
                              opset, model));
    }
    if (call.input_size() > function.input_size() || call.output_size() > function.output_size()) {
      throw Error(fmt::format("is called with {} and {}, it has {} and {}",
                              counted(call.input_size(), "input"), counted(call.output_size(), "output"),
                              function.input_size(), function.output_size()));
    }
    const std::string prefix =
        fmt::format("{}/{}/", call.name().empty() ? call.op_type() : call.name(), calls_++);
    Names names;
    for (int i = 0; i < function.input_size(); ++i)
      names[function.input(i)] = i < call.input_size() ? call.input(i) : std::string();
    for (int i = 0; i < call.output_size(); ++i) {
      if (call.output(i).empty()) continue;
      if (names.contains(function.output(i))) {
        onnx::Node identity;  // a result that is an input
        identity.set_op_type("Identity");
        identity.set_name(prefix + function.output(i));
        identity.add_input(names[function.output(i)]);
        identity.add_output(call.output(i));
        *dst.Add() = std::move(identity);
        ++count_;
        continue;
      }
      names[function.output(i)] = call.output(i);
    }
    for (const onnx::Node& node : function.node()) {
      onnx::Node copy = node;
      rename(copy, prefix, names);
      substitute(copy, call, function);
      place(std::move(copy), dst, depth + 1);
    }
  }

  // Names of the function's own get the prefix; those of its inputs and results are the call's.
  static std::string renamed(const std::string& name, const std::string& prefix, const Names& names) {
    if (name.empty()) return name;
    const auto found = names.find(name);
    return found == names.end() ? prefix + name : found->second;
  }

  static void rename(onnx::Node& node, const std::string& prefix, const Names& names) {
    if (!node.name().empty()) node.set_name(prefix + node.name());
    for (std::string& name : *node.mutable_input()) name = renamed(name, prefix, names);
    for (std::string& name : *node.mutable_output()) name = renamed(name, prefix, names);
    for (onnx::Attribute& attribute : *node.mutable_attribute()) {
      if (attribute.has_g()) rename(*attribute.mutable_g(), prefix, names);
    }
  }

  static void rename(onnx::Graph& graph, const std::string& prefix, Names names) {
    // Names that the graph defines itself hide those around it.
    const auto own = [&](const std::string& name) { names.erase(name); };
    for (const onnx::ValueInfo& info : graph.input()) own(info.name());
    for (const onnx::Tensor& tensor : graph.initializer()) own(tensor.name());
    for (const onnx::Node& node : graph.node()) {
      for (const std::string& name : node.output()) own(name);
    }
    for (onnx::ValueInfo& info : *graph.mutable_input()) info.set_name(prefix + info.name());
    for (onnx::ValueInfo& info : *graph.mutable_output()) info.set_name(renamed(info.name(), prefix, names));
    for (onnx::Tensor& tensor : *graph.mutable_initializer()) tensor.set_name(prefix + tensor.name());
    for (onnx::Node& node : *graph.mutable_node()) rename(node, prefix, names);
  }

  // The attribute of the call or else the function's default; null where there is neither.
  static const onnx::Attribute* given(const std::string& name, const onnx::Node& call,
                                      const onnx::Function& function) {
    for (const onnx::Attribute& attribute : call.attribute()) {
      if (attribute.name() == name) return &attribute;
    }
    for (const onnx::Attribute& attribute : function.attribute_proto()) {
      if (attribute.name() == name) return &attribute;
    }
    return nullptr;
  }

  static void substitute(onnx::Node& node, const onnx::Node& call, const onnx::Function& function) {
    google::protobuf::RepeatedPtrField<onnx::Attribute> attributes;
    attributes.Swap(node.mutable_attribute());
    for (onnx::Attribute& attribute : attributes) {
      if (attribute.has_g()) {
        for (onnx::Node& inner : *attribute.mutable_g()->mutable_node()) substitute(inner, call, function);
      }
      if (attribute.ref_attr_name().empty()) {
        *node.add_attribute() = std::move(attribute);
        continue;
      }
      const onnx::Attribute* value = given(attribute.ref_attr_name(), call, function);
      if (value == nullptr) continue;
      onnx::Attribute& copy = *node.add_attribute();
      copy = *value;
      copy.set_name(attribute.name());
    }
  }

  onnx::Model& model_;
  std::map<Key, const onnx::Function*> functions_;
  std::size_t count_ = 0, calls_ = 0;
};

}  // namespace

void inline_functions(onnx::Model& model) {
  if (model.functions_size() > 0) Inliner(model).run();
}

}  // namespace godwit::importers
