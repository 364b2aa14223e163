// Operators that move data, decide shapes, resample or slide windows, each in a model of its own.
#include "tests/importers/onnx_opset_forms.h"

#include <functional>
#include <vector>

#include "runtime/error.h"

namespace godwit::importers::test {

using engine::ValueId;
using support::GraphBuilder;
using support::ints;

Fill unary(std::string_view op, const GraphBuilder::Attributes& attributes) {
  return [op, attributes](GraphBuilder& b, DType dtype) {
    return b.node(op, "y", {b.input("x", {1, 3, 4, 4}, dtype)}, attributes);
  };
}

Fill listed(const char* op, std::initializer_list<std::int64_t> list) {
  return [op, list = std::vector<std::int64_t>(list)](GraphBuilder& b, DType dtype) {
    const auto count = static_cast<std::int64_t>(list.size());
    const ValueId x = b.input("x", {1, 3, 4, 4}, dtype);
    return b.node(op, "y", {x, b.constant("list", Tensor::of<std::int64_t>({count}, list))});
  };
}

std::map<std::string_view, Fill> movement_forms() {
  const GraphBuilder::Attributes kernel = {{"kernel_shape", ints({2, 2})}};
  // An operand of this type and shape, then what `rest` adds.
  const auto with = [](const char* op, const Shape& shape,
                       const std::function<std::vector<ValueId>(GraphBuilder&, DType)>& rest,
                       const GraphBuilder::Attributes& attributes = {}, std::size_t results = 1) -> Fill {
    return [=](GraphBuilder& b, DType dtype) {
      std::vector<ValueId> inputs{b.input("x", shape, dtype)};
      for (const ValueId id : rest(b, dtype)) inputs.push_back(id);
      return b.node(op, "y", std::move(inputs), attributes, results);
    };
  };
  const auto whole = [](GraphBuilder& b, const char* name, std::int64_t value) {
    return b.constant(name, Tensor::of<std::int64_t>({}, {value}));
  };
  const auto indices = [](const Shape& shape) {
    return [shape](GraphBuilder& b, DType dtype) {
      return std::vector<ValueId>{b.input("i", shape, DType::s64), b.input("u", {2, 3}, dtype)};
    };
  };
  const auto window = [whole](const char* op) -> Fill {
    return [op, whole](GraphBuilder& b, DType) { return b.node(op, "y", {whole(b, "size", 4)}); };
  };
  const GraphBuilder::Attributes drawn = {{"shape", ints({2})}};
  return {
      {"AffineGrid", with("AffineGrid", {1, 2, 3},
                          [](GraphBuilder& b, DType) {
                            return std::vector<ValueId>{b.integers("size", {1, 1, 2, 2})};
                          })},
      {"BlackmanWindow", window("BlackmanWindow")},
      {"CenterCropPad", listed("CenterCropPad", {1, 3, 2, 5})},
      {"Col2Im", with("Col2Im", {1, 4, 1},
                      [](GraphBuilder& b, DType) {
                        return std::vector<ValueId>{b.integers("image", {2, 2}), b.integers("block", {2, 2})};
                      })},
      {"Compress",
       with("Compress", {3},
            [](GraphBuilder& b, DType) { return std::vector<ValueId>{b.input("c", {3}, DType::boolean)}; })},
      {"ConvTranspose", with("ConvTranspose", {1, 3, 4, 4},
                             [](GraphBuilder& b, DType dtype) {
                               return std::vector<ValueId>{b.input("w", {3, 2, 1, 1}, dtype)};
                             })},
      {"DFT", unary("DFT")},
      {"DeformConv", with("DeformConv", {1, 1, 3, 3},
                          [](GraphBuilder& b, DType dtype) {
                            return std::vector<ValueId>{b.input("w", {1, 1, 1, 1}, dtype),
                                                        b.input("o", {1, 2, 3, 3}, dtype)};
                          })},
      {"DepthToSpace",
       with("DepthToSpace", {1, 4, 2, 2}, [](GraphBuilder&, DType) { return std::vector<ValueId>{}; },
            {{"blocksize", std::int64_t{2}}})},
      {"EyeLike", with("EyeLike", {2, 2}, [](GraphBuilder&, DType) { return std::vector<ValueId>{}; })},
      {"GatherElements", with("GatherElements", {2, 3},
                              [](GraphBuilder& b, DType) {
                                return std::vector<ValueId>{b.input("i", {2, 3}, DType::s64)};
                              })},
      {"GatherND", with("GatherND", {2, 3},
                        [](GraphBuilder& b, DType) {
                          return std::vector<ValueId>{b.input("i", {2, 1}, DType::s64)};
                        })},
      {"GridSample", with("GridSample", {1, 1, 2, 2},
                          [](GraphBuilder& b, DType) {
                            return std::vector<ValueId>{b.input("grid", {1, 1, 1, 2})};
                          })},
      {"HammingWindow", window("HammingWindow")},
      {"HannWindow", window("HannWindow")},
      {"LpPool", unary("LpPool", kernel)},
      {"MaxRoiPool", with("MaxRoiPool", {1, 1, 2, 2},
                          [](GraphBuilder& b, DType dtype) {
                            return std::vector<ValueId>{b.input("rois", {1, 5}, dtype)};
                          },
                          {{"pooled_shape", ints({1, 1})}})},
      {"MaxUnpool", with(
                        "MaxUnpool", {1, 1, 2, 2},
                        [](GraphBuilder& b, DType) {
                          return std::vector<ValueId>{b.input("i", {1, 1, 2, 2}, DType::s64)};
                        },
                        kernel)},
      {"MelWeightMatrix",
       [whole](GraphBuilder& b, DType dtype) {
         return b.node("MelWeightMatrix", "y",
                       {whole(b, "bins", 2), whole(b, "length", 8), whole(b, "rate", 8),
                        b.input("low", {}, dtype), b.input("high", {}, dtype)});
       }},
      {"Multinomial",
       with("Multinomial", {2, 3}, [](GraphBuilder&, DType) { return std::vector<ValueId>{}; })},
      {"NonMaxSuppression", with("NonMaxSuppression", {1, 2, 4},
                                 [](GraphBuilder& b, DType dtype) {
                                   return std::vector<ValueId>{b.input("scores", {1, 1, 2}, dtype)};
                                 })},
      {"OneHot", with("OneHot", {2},
                      [whole](GraphBuilder& b, DType) {
                        return std::vector<ValueId>{whole(b, "depth", 3), b.input("values", {2})};
                      })},
      {"RandomNormal", [drawn](GraphBuilder& b, DType) { return b.node("RandomNormal", "y", {}, drawn); }},
      {"RandomUniform", [drawn](GraphBuilder& b, DType) { return b.node("RandomUniform", "y", {}, drawn); }},
      {"Range",
       [](GraphBuilder& b, DType dtype) {
         return b.node("Range", "y",
                       {b.input("a", {}, dtype), b.input("b", {}, dtype), b.input("c", {}, dtype)});
       }},
      {"Resize", with("Resize", {1, 3, 4, 4},
                      [](GraphBuilder& b, DType) {
                        return std::vector<ValueId>{engine::kNoValue, engine::kNoValue,
                                                    b.integers("sizes", {1, 3, 2, 2})};
                      })},
      {"ReverseSequence", with("ReverseSequence", {2, 2},
                               [](GraphBuilder& b, DType) {
                                 return std::vector<ValueId>{b.integers("lengths", {1, 2})};
                               })},
      {"RoiAlign",
       with("RoiAlign", {1, 1, 2, 2},
            [](GraphBuilder& b, DType dtype) {
              return std::vector<ValueId>{b.input("rois", {1, 4}, dtype), b.integers("images", {0})};
            })},
      {"STFT",
       with("STFT", {1, 8, 1},
            [whole](GraphBuilder& b, DType) {
              return std::vector<ValueId>{whole(b, "step", 2), engine::kNoValue, whole(b, "length", 4)};
            },
            // Checkers up to ONNX 1.12 count the bins of both sides in any case.
            {{"onesided", std::int64_t{0}}})},
      // The importer gives these their newer names, and none is written.
      {"Scatter", with("ScatterElements", {2, 3}, indices({2, 3}))},
      {"Upsample", listed("Expand", {1, 3, 4, 4})},
      {"ScatterElements", with("ScatterElements", {2, 3}, indices({2, 3}))},
      {"ScatterND", with("ScatterND", {2, 3}, indices({2, 1}))},
      {"SpaceToDepth",
       with("SpaceToDepth", {1, 1, 2, 2}, [](GraphBuilder&, DType) { return std::vector<ValueId>{}; },
            {{"blocksize", std::int64_t{2}}})},
      {"Split", with(
                    "Split", {4},
                    [](GraphBuilder& b, DType) {
                      return std::vector<ValueId>{b.integers("split", {1, 3})};
                    },
                    {}, 2)},
      {"TensorScatter", with("TensorScatter", {1, 4, 1},
                             [](GraphBuilder& b, DType dtype) {
                               return std::vector<ValueId>{b.input("u", {1, 1, 1}, dtype)};
                             })},
      {"Tile", listed("Tile", {1, 2, 1, 1})},
      {"TopK", with(
                   "TopK", {4},
                   [](GraphBuilder& b, DType) { return std::vector<ValueId>{b.integers("k", {2})}; }, {}, 2)},
      {"Trilu", with("Trilu", {2, 2}, [](GraphBuilder&, DType) { return std::vector<ValueId>{}; })},
      {"Unique", with("Unique", {4}, [](GraphBuilder&, DType) { return std::vector<ValueId>{}; })},
  };
}

void leave_out_types(std::map<std::string_view, Fill>& forms) {
  const auto leave_out = [&](std::string_view op, const std::function<bool(DType)>& lacks) {
    forms.at(op) = [fill = forms.at(op), lacks](GraphBuilder& b, DType dtype) {
      if (lacks(dtype)) throw Error("a type that ONNX lacks");
      return fill(b, dtype);
    };
  };
  const auto is_bf16 = [](DType dtype) { return dtype == DType::bf16; };
  const auto is_no_float = [](DType dtype) { return !is_float(dtype); };
  for (const char* op : {"Compress", "ReverseSequence", "Unique"}) leave_out(op, is_bf16);
  for (const char* op : {"RandomNormalLike", "RandomUniformLike"}) leave_out(op, is_no_float);
  leave_out("OneHot", [](DType dtype) { return dtype == DType::bf16 || dtype == DType::boolean; });
  leave_out("Range", [](DType dtype) { return dtype == DType::bf16 || dtype == DType::f16; });
  leave_out("TopK", [](DType dtype) { return dtype == DType::boolean; });
}

}  // namespace godwit::importers::test
