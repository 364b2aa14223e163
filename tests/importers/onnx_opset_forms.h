// Small models of single operators, whose opsets are checked.
#pragma once

#include <functional>
#include <initializer_list>
#include <map>
#include <string_view>

#include "tests/support/graph_builder.h"

namespace godwit::importers::test {

// Adds a node with operands of a type that it may take; its result.
using Fill = std::function<engine::ValueId(support::GraphBuilder&, DType)>;

// A node of one image.
Fill unary(std::string_view op, const support::GraphBuilder::Attributes& attributes = {});
// A node of an image and a list of integers.
Fill listed(const char* op, std::initializer_list<std::int64_t> list);

// A model of each operator that moves data, decides shapes, resamples or slides windows, and needs more than
// an image.
std::map<std::string_view, Fill> movement_forms();
// Makes forms refuse, with an Error, the element types that ONNX has for their operator in no opset.
void leave_out_types(std::map<std::string_view, Fill>& forms);

}  // namespace godwit::importers::test
