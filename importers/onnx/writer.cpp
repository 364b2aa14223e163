// An ONNX file in one pass over the weights: the small parts by the schema, the initialisers' bytes straight
// from where they are. They are aligned, so that they can be used in place when the file is mapped again.
#include "importers/onnx/writer.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fmt/format.h>
#include <limits>
#include <map>
#include <unordered_set>
#include <vector>

#include "importers/importer.h"
#include "importers/onnx/packing.h"
#include "importers/onnx/write_nodes.h"
#include "runtime/error.h"
#include "runtime/memory.h"
#include "runtime/output_file.h"

namespace godwit::importers {
namespace {

using engine::Graph;
using engine::Node;
using engine::Value;
using engine::ValueId;

constexpr int kOldestWritten = 13;
constexpr std::size_t kTensorAlignment = 8;       // the widest element
constexpr std::size_t kExternalAlignment = 4096;  // a page, so that each tensor can be mapped by itself
constexpr std::size_t kAlwaysInline =
    1024;  // shapes and the like, which other tools want to see in the model

// Tags of length-delimited fields: number << 3 | 2.
constexpr char kModelGraphTag = 7 << 3 | 2;
constexpr char kGraphInitializerTag = 5 << 3 | 2;
constexpr char kTensorDataTypeTag = 2 << 3;
constexpr char kTensorRawDataTag = 9 << 3 | 2;

// An attribute that came to an operator after the form that its definition names.
struct Addition {
  std::string_view op, attribute;
  int opset;
};
constexpr std::array kAdditions = {
    Addition{"AveragePool", "dilations", 19},
    Addition{"BatchNormalization", "training_mode", 14},
    Addition{"Cast", "saturate", 19},
    Addition{"Cast", "round_mode", 24},
    Addition{"DequantizeLinear", "block_size", 21},
    Addition{"DequantizeLinear", "output_dtype", 23},
    Addition{"QuantizeLinear", "block_size", 21},
    Addition{"QuantizeLinear", "output_dtype", 21},
    Addition{"QuantizeLinear", "precision", 25},
    Addition{"QuantizeLinear", "saturate", 19},
    Addition{"Reshape", "allowzero", 14},
    Addition{"Shape", "end", 15},
    Addition{"Shape", "start", 15},
    Addition{"Split", "num_outputs", 18},
};
// The same of operands.
struct AddedOperand {
  std::string_view op;
  std::size_t operand;
  int opset;
};
constexpr std::array kAddedOperands = {
    AddedOperand{"Attention", 6, 24},  // nonpad_kv_seqlen
    AddedOperand{"Pad", 3, 18},        // axes
};

// Element types of operand or result 0 that an operator has only from an opset on that is above the oldest
// one written.
struct Widening {
  std::string_view op;
  DType dtype;
  int opset;
};
constexpr std::array kWidenings = {
    Widening{"Add", DType::s8, 14},
    Widening{"Add", DType::u8, 14},
    Widening{"Add", DType::s16, 14},
    Widening{"Add", DType::u16, 14},
    Widening{"Div", DType::s8, 14},
    Widening{"Div", DType::u8, 14},
    Widening{"Div", DType::s16, 14},
    Widening{"Div", DType::u16, 14},
    Widening{"Mul", DType::s8, 14},
    Widening{"Mul", DType::u8, 14},
    Widening{"Mul", DType::s16, 14},
    Widening{"Mul", DType::u16, 14},
    Widening{"Sub", DType::s8, 14},
    Widening{"Sub", DType::u8, 14},
    Widening{"QuantizeLinear", DType::s16, 21},
    Widening{"QuantizeLinear", DType::u16, 21},
    Widening{"If", DType::bf16, 16},
    Widening{"Loop", DType::bf16, 16},
    Widening{"Scan", DType::bf16, 16},
    Widening{"Sub", DType::s16, 14},
    Widening{"Sub", DType::u16, 14},
    Widening{"Where", DType::bf16, 16},
    Widening{"ConstantOfShape", DType::bf16, 20},
    Widening{"BatchNormalization", DType::bf16, 14},
    Widening{"LeakyRelu", DType::bf16, 16},
    Widening{"AveragePool", DType::bf16, 22},
    Widening{"Conv", DType::bf16, 22},
    Widening{"GlobalAveragePool", DType::bf16, 22},
    Widening{"HardSigmoid", DType::bf16, 22},
    Widening{"HardSwish", DType::bf16, 22},
    Widening{"MaxPool", DType::bf16, 22},
    Widening{"Acos", DType::bf16, 22},
    Widening{"Acosh", DType::bf16, 22},
    Widening{"Asin", DType::bf16, 22},
    Widening{"Asinh", DType::bf16, 22},
    Widening{"Atan", DType::bf16, 22},
    Widening{"Atanh", DType::bf16, 22},
    Widening{"Cos", DType::bf16, 22},
    Widening{"Cosh", DType::bf16, 22},
    Widening{"Det", DType::bf16, 22},
    Widening{"Elu", DType::bf16, 22},
    Widening{"GRU", DType::bf16, 22},
    Widening{"InstanceNormalization", DType::bf16, 22},
    Widening{"LSTM", DType::bf16, 22},
    Widening{"LpNormalization", DType::bf16, 22},
    Widening{"Mish", DType::bf16, 22},
    Widening{"NegativeLogLikelihoodLoss", DType::bf16, 22},
    Widening{"RNN", DType::bf16, 22},
    Widening{"Round", DType::bf16, 22},
    Widening{"Selu", DType::bf16, 22},
    Widening{"Sin", DType::bf16, 22},
    Widening{"Sinh", DType::bf16, 22},
    Widening{"Softplus", DType::bf16, 22},
    Widening{"Softsign", DType::bf16, 22},
    Widening{"Tan", DType::bf16, 22},
    Widening{"ThresholdedRelu", DType::bf16, 22},
    Widening{"CumSum", DType::bf16, 14},
    Widening{"CumSum", DType::f16, 14},
    Widening{"PRelu", DType::bf16, 16},
    Widening{"Pow", DType::bf16, 15},
    Widening{"Bernoulli", DType::bf16, 22},
    Widening{"ConvTranspose", DType::bf16, 22},
    Widening{"EyeLike", DType::bf16, 22},
    Widening{"GlobalLpPool", DType::bf16, 22},
    Widening{"GlobalMaxPool", DType::bf16, 22},
    Widening{"LpPool", DType::bf16, 22},
    Widening{"MaxRoiPool", DType::bf16, 22},
    Widening{"MaxUnpool", DType::bf16, 22},
    Widening{"Multinomial", DType::bf16, 22},
    Widening{"RandomNormalLike", DType::bf16, 22},
    Widening{"RandomUniformLike", DType::bf16, 22},
    Widening{"RoiAlign", DType::bf16, 22},
    Widening{"TopK", DType::bf16, 24},
};

constexpr std::size_t kBatchNormOperands = 5;

// Element types that came to ONNX with an opset above the oldest one written.
struct LateType {
  DType dtype;
  int opset;
};
constexpr std::array kLateTypes = {
    LateType{DType::f8e4m3fn, 19},   LateType{DType::f8e4m3fnuz, 19}, LateType{DType::f8e5m2, 19},
    LateType{DType::f8e5m2fnuz, 19}, LateType{DType::u4, 21},         LateType{DType::s4, 21},
    LateType{DType::f4e2m1, 23},     LateType{DType::f8e8m0, 24},     LateType{DType::u2, 25},
    LateType{DType::s2, 25},
};

int opset_of_types(const Graph& graph, const std::vector<ValueId>& values) {
  int opset = 0;
  for (const ValueId id : values) {
    if (id == engine::kNoValue) continue;
    const auto late = std::ranges::find(kLateTypes, graph.value(id).desc.dtype, &LateType::dtype);
    if (late != kLateTypes.end()) opset = std::max(opset, late->opset);
  }
  return opset;
}

int opset_of(const Graph& graph, const Node& node) {
  int opset = std::max(
      {node.op->since_opset, opset_of_types(graph, node.inputs), opset_of_types(graph, node.outputs)});
  for (const Addition& addition : kAdditions) {
    if (addition.op == node.op->name && node.attributes.has(addition.attribute))
      opset = std::max(opset, addition.opset);
  }
  const auto has = [&](const std::vector<ValueId>& values, DType dtype) {
    return !values.empty() && values.front() != engine::kNoValue &&
           graph.value(values.front()).desc.dtype == dtype;
  };
  for (const Widening& widening : kWidenings) {
    if (widening.op == node.op->name &&
        (has(node.inputs, widening.dtype) || has(node.outputs, widening.dtype)))
      opset = std::max(opset, widening.opset);
  }
  for (const AddedOperand& added : kAddedOperands) {
    if (added.op == node.op->name && node.inputs.size() > added.operand) opset = std::max(opset, added.opset);
  }
  // Numbers of 16 bits came to be dequantised as late as they came to be made.
  const DType src = node.inputs.empty() || node.inputs[0] == engine::kNoValue
                        ? DType::f32
                        : graph.value(node.inputs[0]).desc.dtype;
  if (node.op->kind == ops::OpKind::dequantize && (src == DType::s16 || src == DType::u16))
    opset = std::max(opset, 21);
  // Parameters of another type than the data.
  if (node.op->name == "BatchNormalization" && node.inputs.size() == kBatchNormOperands) {
    const auto dtype = [&](std::size_t i) { return graph.value(node.inputs[i]).desc.dtype; };
    if (dtype(1) != dtype(0) || dtype(3) != dtype(0)) opset = std::max(opset, 15);
  }
  const bool scales = node.op->kind == ops::OpKind::quantize || node.op->kind == ops::OpKind::dequantize;
  if (scales && node.inputs.size() > 1 && graph.value(node.inputs[1]).desc.dtype != DType::f32)
    opset = std::max(opset, 19);
  return opset;
}

// The IR version that came with an opset.
std::int64_t ir_version_of(int opset) {
  constexpr std::array kLastOpsets = {14, 18, 20, 22, 23, 24};  // of IR versions 7, 8, …
  return 7 + std::ranges::count_if(kLastOpsets, [&](int last) { return opset > last; });
}

void check_writable(const Graph& graph) {
  for_each_node(graph, [](const Graph&, const Node& node) {
    with_context([&] { return fmt::format("node '{}' ({})", node.name, node.op->name); },
                 [&] {
                   if (!node.epilogue.empty())
                     throw Error("does more than its operator (a fused epilogue), which ONNX cannot say");
                   if (node.op->domain == "godwit")
                     throw Error("is an operator of godwit's own, which ONNX does not have");
                 });
  });
  for (const Value& value : graph.values) {
    if (value.desc.layout != Layout::nchw) {
      throw Error(fmt::format("value '{}' is laid out {}, which ONNX does not have", value.name,
                              name_of(value.desc.layout)));
    }
  }
}

// Constants that somebody reads and no node computes, in the order of values.
std::vector<ValueId> initializers_of(const Graph& graph) {
  std::vector<bool> wanted(graph.values.size(), false);
  const auto mark = [&](std::span<const ValueId> ids, bool value) {
    for (const ValueId id : ids) {
      if (id != engine::kNoValue) wanted[static_cast<std::size_t>(id)] = value;
    }
  };
  mark(graph.outputs, true);
  mark(graph.declared_inputs, true);
  for (const Node& node : graph.nodes) mark(node.inputs, true);
  for (const Node& node : graph.nodes) mark(node.outputs, false);
  std::vector<ValueId> ids;
  for (std::size_t i = 0; i < graph.values.size(); ++i) {
    if (wanted[i] && graph.values[i].constant) ids.push_back(static_cast<ValueId>(i));
  }
  return ids;
}

// Everything of the graph but its initialisers.
onnx::Graph write_structure(const Graph& graph, const std::vector<std::string>& names) {
  const auto name_of_value = [&](ValueId id) {
    return id == engine::kNoValue ? std::string() : names[static_cast<std::size_t>(id)];
  };
  onnx::Graph dst;
  dst.set_name(graph.name.empty() ? "godwit" : graph.name);
  write_nodes(graph, names, dst);
  for (const ValueId id : graph.declared_inputs.empty() ? graph.inputs : graph.declared_inputs)
    write_value_info(graph, name_of_value(id), graph.value(id).desc, *dst.add_input());
  for (const ValueId id : graph.outputs)
    write_value_info(graph, name_of_value(id), graph.value(id).desc, *dst.add_output());
  return dst;
}

onnx::Model write_header(const Graph& graph) {
  std::map<std::string, int> opsets = {{"", kOldestWritten}};
  for_each_node(graph, [&](const Graph& around, const Node& node) {
    int& opset = opsets[std::string(node.op->domain)];
    opset = std::max(opset, opset_of(around, node));
  });
  onnx::Model model;
  model.set_ir_version(ir_version_of(opsets[""]));
  model.set_producer_name("godwit");
  model.set_producer_version(GODWIT_VERSION);
  for (const auto& [domain, version] : opsets) {
    onnx::OpsetId& opset = *model.add_opset_import();
    opset.set_domain(domain);
    opset.set_version(version);
  }
  for (const auto& [key, value] : graph.metadata) {
    onnx::KeyValue& entry = *model.add_metadata_props();
    entry.set_key(key);
    entry.set_value(value);
  }
  return model;
}

std::string varint(std::size_t value) {
  std::string text;
  for (; value >= 0x80; value >>= 7) text += static_cast<char>((value & 0x7f) | 0x80);
  return text + static_cast<char>(value);
}

// One initialiser as it will lie in the file.
struct Piece {
  Tensor tensor;  // its bytes as files hold them
  DType dtype;
  std::string head;  // all fields but data_type and raw_data
  bool external = false;
  std::size_t padding = 0;  // bytes by which data_type is longer than it need be

  std::size_t raw_bytes() const { return external ? 0 : tensor.bytes(); }
  // data_type as a varint with `padding` more bytes than needed, which readers must accept: this moves
  // raw_data to an aligned place without a field that anybody would see.
  std::string data_type() const {
    std::string text = varint(static_cast<std::size_t>(onnx_code_of(dtype)));
    for (std::size_t i = 0; i < padding; ++i) {
      text.back() = static_cast<char>(text.back() | '\x80');
      text += '\0';
    }
    return kTensorDataTypeTag + text;
  }
  std::string before_raw() const {
    std::string text = head + data_type();
    if (!external) text += kTensorRawDataTag + varint(tensor.bytes());
    return text;
  }
  std::string prefix() const {
    const std::string fields = before_raw();
    return kGraphInitializerTag + varint(fields.size() + raw_bytes()) + fields;
  }
};

// Chooses paddings for pieces that start at `position` of the file; returns where they end.
std::size_t align_pieces(std::vector<Piece>& pieces, std::size_t position) {
  for (Piece& piece : pieces) {
    for (piece.padding = 0; !piece.external && piece.padding < kTensorAlignment; ++piece.padding) {
      if ((position + piece.prefix().size()) % kTensorAlignment == 0) break;
    }
    if (piece.padding == kTensorAlignment) piece.padding = 0;
    position += piece.prefix().size() + piece.raw_bytes();
  }
  return position;
}

std::vector<Piece> make_pieces(const Graph& graph, const std::vector<std::string>& names, bool external,
                               const std::string& location) {
  std::vector<Piece> pieces;
  std::size_t offset = 0;
  for (const ValueId id : initializers_of(graph)) {
    const Tensor& constant = *graph.value(id).constant;
    Piece piece{is_packed(constant.dtype()) ? pack(constant) : constant, constant.dtype(), {}};
    piece.external = external && piece.tensor.bytes() >= kAlwaysInline;
    onnx::Tensor proto;
    for (const std::int64_t dim : constant.shape().dims()) proto.add_dims(dim);
    proto.set_name(names[static_cast<std::size_t>(id)]);
    if (piece.external) {
      const auto add = [&](const char* key, const std::string& value) {
        onnx::KeyValue& entry = *proto.add_external_data();
        entry.set_key(key);
        entry.set_value(value);
      };
      add("location", location);
      add("offset", fmt::format("{}", offset));
      add("length", fmt::format("{}", piece.tensor.bytes()));
      proto.set_data_location(1);
      offset = align_up(offset + piece.tensor.bytes(), kExternalAlignment);
    }
    piece.head = proto.SerializeAsString();
    pieces.push_back(std::move(piece));
  }
  return pieces;
}

std::size_t weight_bytes(const Graph& graph) {
  std::size_t bytes = 0;
  for (const ValueId id : initializers_of(graph)) bytes += graph.value(id).constant->bytes();
  return bytes;
}

void write_external(const std::vector<Piece>& pieces, OutputFile& file) {
  for (const Piece& piece : pieces) {
    if (!piece.external) continue;
    file.pad_to(kExternalAlignment);
    file.write(piece.tensor.data(), piece.tensor.bytes());
  }
}

void write_model(const onnx::Model& header, const onnx::Graph& structure, std::vector<Piece>& pieces,
                 OutputFile& file) {
  const std::string start = header.SerializeAsString() + kModelGraphTag;
  const std::string body = structure.SerializeAsString();
  // The graph's length stands before the pieces that its own size may shift.
  std::size_t graph_bytes = 0;
  for (std::size_t length_bytes = 1; length_bytes <= 5; ++length_bytes) {
    const std::size_t graph_begin = start.size() + length_bytes;
    graph_bytes = align_pieces(pieces, graph_begin + body.size()) - graph_begin;
    if (varint(graph_bytes).size() == length_bytes) break;
  }
  if (start.size() + 5 + graph_bytes > std::numeric_limits<std::int32_t>::max()) {
    throw Error("the model without its large weights takes more than 2 GB, which ONNX cannot hold",
                ErrorKind::failed);
  }
  file.write(start + varint(graph_bytes));
  file.write(body);
  for (const Piece& piece : pieces) {
    file.write(piece.prefix());
    file.write(piece.tensor.data(), piece.raw_bytes());
  }
}

}  // namespace

void write_onnx(const Graph& graph, const std::string& path, const WriteOptions& options) {
  with_context([&] { return fmt::format("writing {}", std::filesystem::path(path).filename().string()); },
               [&] {
                 check_writable(graph);
                 const std::vector<std::string> names = value_names(graph);
                 const bool external = weight_bytes(graph) > options.external_above;
                 const std::string data_path = path + ".data";
                 std::vector<Piece> pieces = make_pieces(
                     graph, names, external, std::filesystem::path(data_path).filename().string());

                 OutputFile file(path);
                 write_model(write_header(graph), write_structure(graph, names), pieces, file);
                 if (external) {
                   OutputFile data(data_path);
                   write_external(pieces, data);
                   data.commit();
                 }
                 file.commit();
               });
}

void save_onnx(const Graph& graph, const std::string& path) { write_onnx(graph, path, {}); }

}  // namespace godwit::importers
