// The opset that a written model claims: no older than its operators, their attributes and element types
// need, and no newer.
#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <fstream>
#include <functional>
#include <gtest/gtest.h>
#include <map>
#include <string>
#include <vector>

#include "engine/body.h"
#include "importers/importer.h"
#include "importers/onnx/writer.h"
#include "runtime/error.h"
#include "tests/importers/arithmetic_forms.h"
#include "tests/importers/model_maker.h"
#include "tests/importers/onnx_opset_forms.h"
#include "tests/importers/python.h"
#include "tests/support/graph_builder.h"

namespace godwit::importers::test {
namespace {

using engine::ValueId;
using support::GraphBuilder;
using support::ints;

constexpr std::array kDTypes = {
#define GODWIT_DTYPE(name, type, onnx, numpy) DType::name,
#include "runtime/dtype.inc"
#undef GODWIT_DTYPE
};

Tensor zero(DType dtype) {
  Tensor tensor(TensorDesc{dtype, {1}, Layout::nchw});
  std::fill_n(static_cast<std::byte*>(tensor.mutable_data()), tensor.bytes(), std::byte{0});
  return tensor;
}

// A node of square matrices.
Fill matrices(const char* op, std::size_t count, const GraphBuilder::Attributes& attributes = {}) {
  return [=](GraphBuilder& b, DType dtype) {
    std::vector<ValueId> inputs;
    for (std::size_t i = 0; i < count; ++i) inputs.push_back(b.input(fmt::format("x{}", i), {3, 3}, dtype));
    return b.node(op, "y", std::move(inputs), attributes);
  };
}

ValueId add_batch_norm(GraphBuilder& b, DType dtype, const GraphBuilder::Attributes& attributes) {
  std::vector<ValueId> inputs{b.input("x", {1, 3, 4, 4}, dtype)};
  for (const char* name : {"scale", "bias", "mean", "variance"}) inputs.push_back(b.input(name, {3}, dtype));
  return b.node("BatchNormalization", "y", std::move(inputs), attributes);
}

ValueId add_where(GraphBuilder& b, DType dtype) {
  const ValueId condition = b.input("condition", {3}, DType::boolean);
  return b.node("Where", "y", {condition, b.input("x", {3}, dtype), b.input("z", {3}, dtype)});
}

// Operands of ONNX's products on 8-bit numbers: each tensor with its scale and zero point, those of the
// result last.
Fill quantized_product(const char* op, const Shape& src, const Shape& weights) {
  return [=](GraphBuilder& b, DType dtype) {
    Tensor zero_point(TensorDesc{dtype, {}, Layout::nchw});
    std::fill_n(static_cast<std::byte*>(zero_point.mutable_data()), zero_point.bytes(), std::byte{0});
    std::vector<ValueId> inputs;
    for (const char* name : {"x", "w", "y"}) {
      if (*name != 'y') inputs.push_back(b.input(name, *name == 'x' ? src : weights, dtype));
      inputs.push_back(b.number(fmt::format("{}_scale", name), 0.5F));
      inputs.push_back(b.constant(fmt::format("{}_zero_point", name), zero_point));
    }
    return b.node(op, "result", std::move(inputs));
  };
}

// ONNX has no lists of bf16 in any opset.
void require_listed(DType dtype) {
  if (dtype == DType::bf16) throw Error("no lists of bf16");
}
// A tensor through a list and out of it, by all that there is for lists.
ValueId through_list(GraphBuilder& b, DType dtype) {
  require_listed(dtype);
  const ValueId list = b.node("SequenceConstruct", "list", {b.input("x", {2, 3}, dtype)});
  const ValueId more = b.node("SequenceInsert", "more", {list, b.input("z", {2, 3}, dtype)});
  const ValueId less =
      b.node("SequenceErase", "less", {more, b.constant("first", Tensor::of<std::int64_t>({}, {0}))});
  return b.node("SequenceAt", "y", {less, b.constant("at", Tensor::of<std::int64_t>({}, {0}))});
}
// A node that runs a graph which hands its operand on.
Fill running(const char* op, std::vector<std::string> names, bool counts) {
  return [=](GraphBuilder& b, DType dtype) {
    GraphBuilder inside;
    if (counts) {
      inside.input("i", {}, DType::s64);
      inside.output(inside.input("before", {}, DType::boolean));
    }
    inside.output(inside.node("Identity", "same", {inside.input("around", {2, 3}, dtype)}));
    const auto body = std::make_shared<const engine::GraphBody>(inside.build());
    std::vector<ValueId> inputs;
    if (counts) inputs.push_back(b.input("n", {}, DType::s64));
    inputs.push_back(b.input("c", {}, DType::boolean));
    inputs.push_back(b.input("x", {2, 3}, dtype));
    GraphBuilder::Attributes attributes;
    for (const std::string& name : names)
      attributes.emplace_back(name, std::shared_ptr<const ops::Body>(body));
    if (!counts) attributes.emplace_back("captures", std::int64_t{1});
    return b.node(op, "y", inputs, attributes);
  };
}
ValueId scan(GraphBuilder& b, DType dtype) {
  GraphBuilder inside;
  inside.output(inside.node("Identity", "same", {inside.input("slice", {3}, dtype)}));
  const std::shared_ptr<const ops::Body> body = std::make_shared<const engine::GraphBody>(inside.build());
  return b.node("Scan", "y", {b.input("x", {2, 3}, dtype)},
                {{"body", body}, {"num_scan_inputs", std::int64_t{1}}});
}

// A model of each operator that needs more than an image, with operands of any type that it may take.
std::map<std::string_view, Fill> special_forms() {
  const GraphBuilder::Attributes kernel = {{"kernel_shape", ints({2, 2})}};
  return {
      {"Add", matrices("Add", 2)},
      {"AveragePool", unary("AveragePool", kernel)},
      {"BatchNormalization", [](GraphBuilder& b, DType dtype) { return add_batch_norm(b, dtype, {}); }},
      {"BitCast",
       [](GraphBuilder& b, DType dtype) {
         return b.node("BitCast", "y", {b.input("x", {3}, dtype)},
                       {{"to", std::int64_t{onnx_code_of(dtype)}}});
       }},
      {"ConcatFromSequence",
       [](GraphBuilder& b, DType dtype) {
         require_listed(dtype);
         const ValueId list = b.node("SequenceConstruct", "list", {b.input("x", {2, 3}, dtype)});
         return b.node("ConcatFromSequence", "y", {list}, {{"axis", std::int64_t{0}}});
       }},
      {"CausalConvWithState",
       [](GraphBuilder& b, DType dtype) {
         return b.node("CausalConvWithState", "y",
                       {b.input("x", {1, 3, 5}, dtype), b.input("w", {3, 1, 2}, dtype)});
       }},
      {"LinearAttention",
       [](GraphBuilder& b, DType dtype) {
         return b.node(
             "LinearAttention", "y",
             {b.input("q", {1, 2, 4}, dtype), b.input("k", {1, 2, 4}, dtype), b.input("v", {1, 2, 4}, dtype)},
             {{"q_num_heads", std::int64_t{2}},
              {"kv_num_heads", std::int64_t{2}},
              {"update_rule", std::string("linear")}});
       }},
      {"If", running("If", {"then_branch", "else_branch"}, false)},
      {"Loop", running("Loop", {"body"}, true)},
      {"Optional",
       [](GraphBuilder& b, DType dtype) {
         require_listed(dtype);
         return b.node("OptionalGetElement", "y", {b.node("Optional", "maybe", {b.input("x", {3}, dtype)})});
       }},
      {"OptionalGetElement",
       [](GraphBuilder& b, DType dtype) {
         require_listed(dtype);
         return b.node("OptionalGetElement", "y", {b.node("Optional", "maybe", {b.input("x", {3}, dtype)})});
       }},
      {"OptionalHasElement",
       [](GraphBuilder& b, DType dtype) {
         require_listed(dtype);
         return b.node("OptionalHasElement", "y", {b.node("Optional", "maybe", {b.input("x", {3}, dtype)})});
       }},
      {"Scan", scan},
      {"SequenceAt", through_list},
      {"SequenceConstruct", through_list},
      {"SequenceEmpty",
       [](GraphBuilder& b, DType dtype) {
         require_listed(dtype);
         const ValueId list =
             b.node("SequenceEmpty", "list", {}, {{"dtype", std::int64_t{onnx_code_of(dtype)}}});
         return b.node("SequenceLength", "y", {list});
       }},
      {"SequenceErase", through_list},
      {"SequenceInsert", through_list},
      {"SequenceLength",
       [](GraphBuilder& b, DType dtype) {
         require_listed(dtype);
         return b.node("SequenceLength", "y",
                       {b.node("SequenceConstruct", "list", {b.input("x", {3}, dtype)})});
       }},
      {"SplitToSequence",
       [](GraphBuilder& b, DType dtype) {
         require_listed(dtype);
         const ValueId list = b.node("SplitToSequence", "list", {b.input("x", {2, 3}, dtype)});
         return b.node("SequenceAt", "y", {list, b.constant("at", Tensor::of<std::int64_t>({}, {0}))});
       }},
      {"Cast", unary("Cast", {{"to", std::int64_t{1}}})},
      {"Clip", unary("Clip")},
      {"Concat", matrices("Concat", 3, {{"axis", std::int64_t{0}}})},
      {"Constant",
       [](GraphBuilder& b, DType dtype) {
         return b.node("Constant", "y", {}, {{"value", zero(dtype)}});
       }},
      {"ConstantOfShape",
       [](GraphBuilder& b, DType dtype) {
         return b.node("ConstantOfShape", "y", {b.input("shape", {2}, DType::s64)}, {{"value", zero(dtype)}});
       }},
      {"Conv",
       [](GraphBuilder& b, DType dtype) {
         return b.node("Conv", "y", {b.input("x", {1, 3, 4, 4}, dtype), b.input("w", {2, 3, 1, 1}, dtype)});
       }},
      {"ConvInteger",
       [](GraphBuilder& b, DType dtype) {
         return b.node("ConvInteger", "y",
                       {b.input("x", {1, 3, 4, 4}, dtype), b.input("w", {2, 3, 1, 1}, dtype)});
       }},
      {"DequantizeLinear",
       [](GraphBuilder& b, DType dtype) {
         return b.node("DequantizeLinear", "y", {b.input("x", {3}, dtype), b.number("scale", 0.5F)});
       }},
      {"Div", matrices("Div", 2)},
      {"Dropout",
       [](GraphBuilder& b, DType dtype) {
         // ONNX has none of anything else in any opset.
         if (!is_float(dtype)) throw Error("not a float");
         return b.node("Dropout", "y", {b.input("x", {3}, dtype)});
       }},
      {"DynamicQuantizeLinear",
       [](GraphBuilder& b, DType dtype) {
         return b.node("DynamicQuantizeLinear", "y", {b.input("x", {3}, dtype)}, {}, 3);
       }},
      {"Equal", matrices("Equal", 2)},
      {"Expand", listed("Expand", {2, 3, 4, 4})},
      {"Gather", listed("Gather", {0})},
      {"Gemm", matrices("Gemm", 3)},
      {"MatMul", matrices("MatMul", 2)},
      {"MatMulInteger", matrices("MatMulInteger", 2)},
      {"MaxPool", unary("MaxPool", kernel)},
      {"Mul", matrices("Mul", 2)},
      {"Pad", listed("Pad", {0, 0, 1, 1, 0, 0, 1, 1})},
      {"QLinearConv", quantized_product("QLinearConv", {1, 3, 4, 4}, {2, 3, 1, 1})},
      {"QLinearMatMul", quantized_product("QLinearMatMul", {3, 3}, {3, 3})},
      {"QuantizeLinear",
       [](GraphBuilder& b, DType dtype) {
         Tensor zero_point(TensorDesc{dtype, {}, Layout::nchw});
         std::fill_n(static_cast<std::byte*>(zero_point.mutable_data()), zero_point.bytes(), std::byte{0});
         return b.node("QuantizeLinear", "y",
                       {b.input("x", {3}), b.number("scale", 0.5F), b.constant("zero", zero_point)});
       }},
      {"ReduceMean", listed("ReduceMean", {2, 3})},
      {"ReduceSum", listed("ReduceSum", {2, 3})},
      {"Reshape", listed("Reshape", {0, -1})},
      {"Slice",
       [](GraphBuilder& b, DType dtype) {
         return b.node("Slice", "y",
                       {b.input("x", {4, 4}, dtype), b.integers("starts", {0}), b.integers("ends", {2})});
       }},
      {"Squeeze", unary("Squeeze")},
      {"Sub", matrices("Sub", 2)},
      {"Unsqueeze", listed("Unsqueeze", {0})},
      {"Where", add_where},
  };
}

// A model of each operator.
const std::map<std::string_view, Fill>& forms() {
  static const std::map<std::string_view, Fill> all = [] {
    std::map<std::string_view, Fill> fills = special_forms();
    fills.merge(movement_forms());
    add_arithmetic_forms(fills);
    for (const ops::OpDef* op : ops::all_ops()) {
      const bool takes_an_image =
          op->min_inputs == 1 && op->max_inputs == 1 &&
          std::ranges::none_of(op->attributes, [](const ops::AttributeSpec& spec) { return spec.required; });
      if (op->domain.empty() && takes_an_image) fills.try_emplace(op->name, unary(op->name));
    }
    leave_out_types(fills);
    return fills;
  }();
  return all;
}

// Opset and IR version of the file.
using Versions = std::pair<std::int64_t, std::int64_t>;
Versions versions_of(const Fill& fill, DType dtype = DType::f32) {
  GraphBuilder builder;
  builder.output(fill(builder, dtype));
  const TemporaryDirectory folder;
  save_onnx(builder.build(), folder / "w.onnx");
  EXPECT_NO_THROW((void)load(folder / "w.onnx"));
  onnx::Model model;
  std::ifstream file(folder / "w.onnx", std::ios::binary);
  EXPECT_TRUE(model.ParseFromIstream(&file));
  return {model.opset_import(0).version(), model.ir_version()};
}
Versions versions_of(const char* op, DType dtype) { return versions_of(forms().at(op), dtype); }

TEST(OnnxOpsets, BytesAreAddedFrom14On) {
  for (const char* op : {"Add", "Sub", "Mul", "Div"}) {
    for (const DType dtype : {DType::s8, DType::u8})
      EXPECT_EQ(versions_of(op, dtype), (Versions{14, 7})) << op;
    for (const DType dtype : {DType::f32, DType::s32, DType::u64})
      EXPECT_EQ(versions_of(op, dtype), (Versions{13, 7})) << op;
  }
  EXPECT_EQ(versions_of("MaxPool", DType::u8), (Versions{13, 7}));
  EXPECT_EQ(versions_of("Equal", DType::u8), (Versions{13, 7}));
}

TEST(OnnxOpsets, Bfloat16CameLateToSomeOperators) {
  EXPECT_EQ(versions_of("Where", DType::bf16), (Versions{16, 8}));
  EXPECT_EQ(versions_of("Where", DType::f16), (Versions{13, 7}));
  EXPECT_EQ(versions_of("ConstantOfShape", DType::bf16), (Versions{20, 9}));
  EXPECT_EQ(versions_of("ConstantOfShape", DType::f16), (Versions{13, 7}));
  EXPECT_EQ(versions_of("Concat", DType::bf16), (Versions{13, 7}));
}

TEST(OnnxOpsets, AttributesAndOperandsCameLaterThanTheirOperators) {
  const GraphBuilder::Attributes kernel = {{"kernel_shape", ints({2, 2})}};
  GraphBuilder::Attributes dilated = kernel;
  dilated.emplace_back("dilations", ints({2, 2}));
  EXPECT_EQ(versions_of(unary("AveragePool", kernel)), (Versions{13, 7}));
  EXPECT_EQ(versions_of(unary("AveragePool", dilated)), (Versions{19, 9}));
  EXPECT_EQ(versions_of(unary("MaxPool", dilated)), (Versions{13, 7}));
  const auto norm = [](const GraphBuilder::Attributes& attributes) {
    return [attributes](GraphBuilder& b, DType dtype) { return add_batch_norm(b, dtype, attributes); };
  };
  EXPECT_EQ(versions_of(norm({{"epsilon", 1e-3F}})), (Versions{13, 7}));
  EXPECT_EQ(versions_of(norm({{"training_mode", std::int64_t{0}}})), (Versions{14, 7}));
  EXPECT_EQ(versions_of(unary("Shape", {{"start", std::int64_t{1}}})), (Versions{15, 8}));
  EXPECT_EQ(versions_of(unary("Cast", {{"to", std::int64_t{10}}, {"saturate", std::int64_t{1}}})),
            (Versions{19, 9}));
  const Fill reshape = [](GraphBuilder& b, DType dtype) {
    return b.node("Reshape", "y", {b.input("x", {2, 3}, dtype), b.integers("shape", {3, 2})},
                  {{"allowzero", std::int64_t{0}}});
  };
  EXPECT_EQ(versions_of(reshape), (Versions{14, 7}));
  const Fill pad = [](GraphBuilder& b, DType dtype) {
    return b.node(
        "Pad", "y",
        {b.input("x", {2, 3}, dtype), b.integers("pads", {1, 1}), engine::kNoValue, b.integers("axes", {1})});
  };
  EXPECT_EQ(versions_of(pad), (Versions{18, 8}));
}

// Every operator with every element type that it takes here, against ONNX's own checker (as
// far as that one's opsets go): the operator is known at the opset claimed, and takes these types there.
TEST(OnnxOpsets, EveryOperatorTakesTheseTypesAtTheOpsetClaimed) {
  for (const ops::OpDef* op : ops::all_ops())
    EXPECT_TRUE(!op->domain.empty() || forms().contains(op->name)) << op->name << " has no form in this test";
  if (!python_has_onnx()) {
    GTEST_SKIP() << "python3-onnx is not installed: ONNX's checker has not seen what is written here";
  }
  const TemporaryDirectory folder;
  std::size_t written = 0;
  for (const auto& [op, fill] : forms()) {
    for (const DType dtype : kDTypes) {
      engine::Graph graph;
      try {
        GraphBuilder builder;
        builder.output(fill(builder, dtype));
        graph = builder.build();
      } catch (const Error&) {
        continue;  // a type that the operator does not take
      }
      save_onnx(graph, folder / fmt::format("{}_{}.onnx", op, name_of(dtype)));
      ++written;
    }
  }
  EXPECT_GT(written, 3 * forms().size());
  const char* check = R"python(
import glob, onnx, onnx.checker, onnx.defs, sys
wrong = 0
for path in sorted(glob.glob(sys.argv[1] + "/*.onnx")):
    model = onnx.load(path)
    if model.opset_import[0].version > onnx.defs.onnx_opset_version():
        continue
    try:
        onnx.checker.check_model(model, full_check=True)
    except Exception as error:
        print(path, error)
        wrong += 1
sys.exit(wrong > 0)
)python";
  EXPECT_EQ(run_python(check, folder.path().string()), 0);
}

}  // namespace
}  // namespace godwit::importers::test
