// Writes small ONNX models for tests, right and wrong ones, and runs what was imported.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "engine/graph.h"
#include "onnx/onnx.pb.h"
#include "runtime/tensor.h"
#include "tests/support/temporary_directory.h"

namespace godwit::importers::test {

using godwit::test::TemporaryDirectory;

onnx::Attribute& attribute(onnx::Node& node, const char* name, int type);
void set_int(onnx::Node& node, const char* name, std::int64_t value);
void set_float(onnx::Node& node, const char* name, float value);
void set_string(onnx::Node& node, const char* name, const char* value);
void set_ints(onnx::Node& node, const char* name, std::initializer_list<std::int64_t> values);

template <class T>
void set_raw(onnx::Tensor& tensor, int code, std::initializer_list<std::int64_t> dims,
             const std::vector<T>& values) {
  tensor.set_data_type(code);
  tensor.mutable_dims()->Assign(dims.begin(), dims.end());
  tensor.set_raw_data(values.data(), values.size() * sizeof(T));
}

struct ModelMaker {
  explicit ModelMaker(std::int64_t opset = 13);

  void import_opset(const char* domain, std::int64_t version);
  onnx::Graph& graph() { return *model.mutable_graph(); }
  // A dimension below 0 is the symbol "N".
  static void describe(onnx::ValueInfo& info, const char* name, std::initializer_list<std::int64_t> dims,
                       int code);
  onnx::ValueInfo& input(const char* name, std::initializer_list<std::int64_t> dims, int code = 1);
  onnx::ValueInfo& output(const char* name);
  onnx::ValueInfo& output(const char* name, std::initializer_list<std::int64_t> dims, int code = 1);
  onnx::Node& node(const char* op, std::initializer_list<const char*> inputs,
                   std::initializer_list<const char*> outputs, const char* name = "");
  template <class T = float>
  onnx::Tensor& constant(const char* name, std::initializer_list<std::int64_t> dims,
                         const std::vector<T>& values, int code = 1) {
    onnx::Tensor& result = *graph().add_initializer();
    result.set_name(name);
    set_raw(result, code, dims, values);
    return result;
  }
  std::string save(const TemporaryDirectory& folder, const char* name = "model.onnx") const;

  onnx::Model model;
};

void expect_contains(const std::string& text, std::string_view part);

// One Relu of 2x3 floats: a model with nothing wrong.
ModelMaker good_model();

engine::Graph import(const ModelMaker& maker);

std::string import_error(const ModelMaker& maker);

// All outputs for these inputs.
std::vector<Tensor> run(const engine::Graph& graph, const std::vector<Tensor>& src);

template <class T = float>
std::vector<T> values_of(const Tensor& tensor) {
  const auto values = tensor.values<T>();
  return {values.begin(), values.end()};
}

}  // namespace godwit::importers::test
