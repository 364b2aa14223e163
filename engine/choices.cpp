// Finding the choice for a node, and telling which nodes do the same work.
#include "engine/choices.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace godwit::engine {
namespace {

struct AttributeText {
  std::string operator()(std::int64_t value) const { return fmt::format("{}", value); }
  std::string operator()(float value) const { return fmt::format("{}", value); }
  std::string operator()(const std::string& value) const { return fmt::format("\"{}\"", value); }
  // Two tensors are the same value only where they are the same tensor.
  std::string operator()(const std::shared_ptr<const ops::Body>&) const { return "graph"; }
  std::string operator()(const Tensor& value) const { return fmt::format("{}", value.identity()); }
  template <class T>
  std::string operator()(const std::vector<T>& values) const {
    return fmt::format("[{}]", fmt::join(values, ","));
  }
};

}  // namespace

const std::string& step_name(const Node& node) {
  return node.origins.empty() ? node.name : node.origins.back();
}

std::string_view forced_implementation(const Choices* choices, const Node& node) {
  if (choices == nullptr) return {};
  const auto found = choices->steps.find(step_name(node));
  return found == choices->steps.end() ? std::string_view() : std::string_view(found->second.implementation);
}

std::string signature_of(const ops::OpDef& op, const ops::NodeView& view) {
  std::string text = fmt::format("{}:{}", op.domain, op.name);
  for (const auto& [name, value] : view.attributes.all())
    text += fmt::format(";{}={}", name, std::visit(AttributeText{}, value));
  text +=
      fmt::format("|{},{},{}", view.epilogue.residual ? 1 : 0, view.epilogue.minimum, view.epilogue.maximum);
  for (const ops::HintInfo& hint : ops::kHints) {
    if (!hint.signature.empty() && view.hints.*hint.flag) text += fmt::format("|{}", hint.signature);
  }
  for (const ops::Operand& operand : view.inputs) {
    text += fmt::format("|{}{}", operand.constant != nullptr ? "constant " : "",
                        operand.present() ? operand.desc->to_string() : "_");
  }
  for (const TensorDesc& desc : view.outputs) text += fmt::format(">{}", desc.to_string());
  return text;
}

}  // namespace godwit::engine
