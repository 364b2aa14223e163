// Writes small ONNX models for tests, right and wrong ones, and runs what was imported.
#pragma once

#include <algorithm>
#include <gtest/gtest.h>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/plan.h"
#include "engine/session.h"
#include "importers/importer.h"
#include "onnx/onnx.pb.h"
#include "tests/runtime/temporary_directory.h"
#include "tests/support/errors.h"

namespace godwit::importers::test {

using godwit::test::TemporaryDirectory;

inline onnx::Attribute& attribute(onnx::Node& node, const char* name, int type) {
  onnx::Attribute& result = *node.add_attribute();
  result.set_name(name);
  result.set_type(type);
  return result;
}
inline void set_int(onnx::Node& node, const char* name, std::int64_t value) {
  attribute(node, name, 2).set_i(value);
}
inline void set_float(onnx::Node& node, const char* name, float value) {
  attribute(node, name, 1).set_f(value);
}
inline void set_string(onnx::Node& node, const char* name, const char* value) {
  attribute(node, name, 3).set_s(value);
}
inline void set_ints(onnx::Node& node, const char* name, std::initializer_list<std::int64_t> values) {
  attribute(node, name, 7).mutable_ints()->Add(values.begin(), values.end());
}

template <class T>
void set_raw(onnx::Tensor& tensor, int code, std::initializer_list<std::int64_t> dims,
             const std::vector<T>& values) {
  tensor.set_data_type(code);
  tensor.mutable_dims()->Assign(dims.begin(), dims.end());
  tensor.set_raw_data(values.data(), values.size() * sizeof(T));
}

struct ModelMaker {
  explicit ModelMaker(std::int64_t opset = 13) {
    model.set_ir_version(7);
    model.mutable_graph()->set_name("test");
    import_opset("", opset);
  }

  void import_opset(const char* domain, std::int64_t version) {
    onnx::OpsetId& entry = *model.add_opset_import();
    entry.set_domain(domain);
    entry.set_version(version);
  }
  onnx::Graph& graph() { return *model.mutable_graph(); }
  // A dimension below 0 is the symbol "N".
  static void describe(onnx::ValueInfo& info, const char* name, std::initializer_list<std::int64_t> dims,
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
  onnx::ValueInfo& input(const char* name, std::initializer_list<std::int64_t> dims, int code = 1) {
    describe(*graph().add_input(), name, dims, code);
    return *graph().mutable_input()->rbegin();
  }
  onnx::ValueInfo& output(const char* name) {
    graph().add_output()->set_name(name);
    return *graph().mutable_output()->rbegin();
  }
  onnx::ValueInfo& output(const char* name, std::initializer_list<std::int64_t> dims, int code = 1) {
    describe(*graph().add_output(), name, dims, code);
    return *graph().mutable_output()->rbegin();
  }
  onnx::Node& node(const char* op, std::initializer_list<const char*> inputs,
                   std::initializer_list<const char*> outputs, const char* name = "") {
    onnx::Node& result = *graph().add_node();
    result.set_op_type(op);
    if (*name != '\0') result.set_name(name);
    for (const char* each : inputs) result.add_input(each);
    for (const char* each : outputs) result.add_output(each);
    return result;
  }
  template <class T = float>
  onnx::Tensor& constant(const char* name, std::initializer_list<std::int64_t> dims,
                         const std::vector<T>& values, int code = 1) {
    onnx::Tensor& result = *graph().add_initializer();
    result.set_name(name);
    set_raw(result, code, dims, values);
    return result;
  }
  std::string save(const TemporaryDirectory& folder, const char* name = "model.onnx") const {
    return folder.write(name, model.SerializeAsString());
  }

  onnx::Model model;
};

inline void expect_contains(const std::string& text, std::string_view part) {
  EXPECT_NE(text.find(part), std::string::npos) << "in: " << text << "\nexpected: " << part;
}

// One Relu of 2x3 floats: a model with nothing wrong.
inline ModelMaker good_model() {
  ModelMaker maker;
  maker.input("x", {2, 3});
  maker.node("Relu", {"x"}, {"y"}, "relu");
  maker.output("y", {2, 3});
  return maker;
}

inline engine::Graph import(const ModelMaker& maker) {
  const TemporaryDirectory folder;
  return load(maker.save(folder));
}

inline std::string import_error(const ModelMaker& maker) {
  const TemporaryDirectory folder;
  const std::string path = maker.save(folder);
  return support::error_of([&] { (void)load(path); });
}

// All outputs for these inputs.
inline std::vector<Tensor> run(const engine::Graph& graph, const std::vector<Tensor>& src) {
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

template <class T = float>
std::vector<T> values_of(const Tensor& tensor) {
  const auto values = tensor.values<T>();
  return {values.begin(), values.end()};
}

}  // namespace godwit::importers::test
