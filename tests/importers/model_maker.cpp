#include "tests/importers/model_maker.h"

#include <algorithm>
#include <cstddef>
#include <gtest/gtest.h>
#include <span>
#include <utility>

#include "engine/plan.h"
#include "engine/session.h"
#include "importers/importer.h"
#include "tests/support/errors.h"

namespace godwit::importers::test {

onnx::Attribute& attribute(onnx::Node& node, const char* name, int type) {
  onnx::Attribute& result = *node.add_attribute();
  result.set_name(name);
  result.set_type(type);
  return result;
}
void set_int(onnx::Node& node, const char* name, std::int64_t value) {
  attribute(node, name, 2).set_i(value);
}
void set_float(onnx::Node& node, const char* name, float value) { attribute(node, name, 1).set_f(value); }
void set_string(onnx::Node& node, const char* name, const char* value) {
  attribute(node, name, 3).set_s(value);
}
void set_ints(onnx::Node& node, const char* name, std::initializer_list<std::int64_t> values) {
  attribute(node, name, 7).mutable_ints()->Add(values.begin(), values.end());
}

ModelMaker::ModelMaker(std::int64_t opset) {
  model.set_ir_version(7);
  model.mutable_graph()->set_name("test");
  import_opset("", opset);
}

void ModelMaker::import_opset(const char* domain, std::int64_t version) {
  onnx::OpsetId& entry = *model.add_opset_import();
  entry.set_domain(domain);
  entry.set_version(version);
}

void ModelMaker::describe(onnx::ValueInfo& info, const char* name, std::initializer_list<std::int64_t> dims,
                          int code) {
  info.set_name(name);
  onnx::TensorType& type = *info.mutable_type()->mutable_tensor_type();
  type.set_elem_type(code);
  type.mutable_shape();
  for (const std::int64_t dim : dims) {
    onnx::Dimension& entry = *type.mutable_shape()->add_dim();
    if (dim < 0)
      entry.set_dim_param("N");
    else
      entry.set_dim_value(dim);
  }
}

onnx::ValueInfo& ModelMaker::input(const char* name, std::initializer_list<std::int64_t> dims, int code) {
  describe(*graph().add_input(), name, dims, code);
  return *graph().mutable_input()->rbegin();
}

onnx::ValueInfo& ModelMaker::output(const char* name) {
  graph().add_output()->set_name(name);
  return *graph().mutable_output()->rbegin();
}

onnx::ValueInfo& ModelMaker::output(const char* name, std::initializer_list<std::int64_t> dims, int code) {
  describe(*graph().add_output(), name, dims, code);
  return *graph().mutable_output()->rbegin();
}

onnx::Node& ModelMaker::node(const char* op, std::initializer_list<const char*> inputs,
                             std::initializer_list<const char*> outputs, const char* name) {
  onnx::Node& result = *graph().add_node();
  result.set_op_type(op);
  if (*name != '\0') result.set_name(name);
  for (const char* each : inputs) result.add_input(each);
  for (const char* each : outputs) result.add_output(each);
  return result;
}

std::string ModelMaker::save(const TemporaryDirectory& folder, const char* name) const {
  return folder.write(name, model.SerializeAsString());
}

void expect_contains(const std::string& text, std::string_view part) {
  EXPECT_NE(text.find(part), std::string::npos) << "in: " << text << "\nexpected: " << part;
}

ModelMaker good_model() {
  ModelMaker maker;
  maker.input("x", {2, 3});
  maker.node("Relu", {"x"}, {"y"}, "relu");
  maker.output("y", {2, 3});
  return maker;
}

engine::Graph import(const ModelMaker& maker) {
  const TemporaryDirectory folder;
  return load(maker.save(folder));
}

std::string import_error(const ModelMaker& maker) {
  const TemporaryDirectory folder;
  const std::string path = maker.save(folder);
  return support::error_of([&] { (void)load(path); });
}

std::vector<Tensor> run(const engine::Graph& graph, const std::vector<Tensor>& src) {
  engine::CompileOptions options;
  for (std::size_t i = 0; i < src.size(); ++i)
    options.shapes[graph.value(graph.inputs[i]).name] = src[i].shape();
  engine::Session session(engine::compile(graph, options), {.threads = 1});
  const std::span<const Tensor> dst = session.run(src);
  std::vector<Tensor> results;
  for (const Tensor& each : dst) {
    Tensor copy(each.desc());
    std::copy_n(static_cast<const std::byte*>(each.data()), each.bytes(),
                static_cast<std::byte*>(copy.mutable_data()));
    results.push_back(std::move(copy));
  }
  return results;
}

}  // namespace godwit::importers::test
