// Damaged models: each load ends in a graph or an Error, never in anything else.
#include <gtest/gtest.h>
#include <random>

#include "importers/importer.h"
#include "runtime/error.h"
#include "tests/importers/model_maker.h"

namespace godwit::importers::test {
namespace {

// One of everything that the reader distinguishes, in some two thousand bytes.
std::string victim() {
  ModelMaker maker(11);
  maker.input("image", {-1, 3, 6, 6});
  maker.constant("w", {4, 3, 3, 3}, std::vector<float>(108, 0.25F));
  onnx::Tensor& bias = *maker.graph().add_initializer();
  bias.set_name("bias");
  bias.set_data_type(1);
  bias.add_dims(4);
  for (int i = 0; i < 4; ++i) bias.add_float_data(1);
  for (const char* name : {"scale", "shift", "mean", "var"})
    maker.constant(name, {4}, std::vector<float>(4, 1));
  onnx::Node& conv = maker.node("Conv", {"image", "w", "bias"}, {"c"}, "conv");
  set_ints(conv, "pads", {1, 1, 1, 1});
  set_ints(conv, "strides", {1, 1});
  set_string(conv, "auto_pad", "NOTSET");
  set_float(maker.node("BatchNormalization", {"c", "scale", "shift", "mean", "var"}, {"n"}, "norm"),
            "epsilon", 1e-3F);
  onnx::Node& clip_most = maker.node("Constant", {}, {"most"}, "six");
  set_raw(*attribute(clip_most, "value", 4).mutable_t(), 1, {}, std::vector<float>{6});
  maker.node("Clip", {"n", "", "most"}, {"r"}, "relu6");
  onnx::Node& pool = maker.node("MaxPool", {"r"}, {"p"}, "pool");
  set_ints(pool, "kernel_shape", {2, 2});
  set_ints(pool, "strides", {2, 2});
  maker.constant<std::int64_t>("pads", {8}, {0, 0, 1, 1, 0, 0, 1, 1}, 7);
  maker.node("Pad", {"p", "pads"}, {"q"}, "pad");
  maker.node("Shape", {"q"}, {"s"}, "shape");
  maker.constant<std::int64_t>("zero", {1}, {0}, 7);
  maker.node("Gather", {"s", "zero"}, {"batch"}, "gather");
  maker.constant<std::int64_t>("rest", {1}, {-1}, 7);
  set_int(maker.node("Concat", {"batch", "rest"}, {"flat_shape"}, "concat"), "axis", 0);
  maker.node("Reshape", {"q", "flat_shape"}, {"flat"}, "reshape");
  set_ints(maker.node("Unsqueeze", {"flat"}, {"u"}, "unsqueeze"), "axes", {1});
  maker.node("Softmax", {"u"}, {"y"}, "softmax");
  maker.output("y", {-1, 1, 100});
  onnx::KeyValue& entry = *maker.model.add_metadata_props();
  entry.set_key("godwit.preprocess");
  entry.set_value("caffe");
  return maker.model.SerializeAsString();
}

// True when it loads.
bool survives(const TemporaryDirectory& folder, std::string_view bytes) {
  // File systems make sure that a file which is cut and written again reaches the disk; a new one is much
  // quicker.
  std::filesystem::remove(folder / "damaged.onnx");
  const std::string path = folder.write("damaged.onnx", bytes);
  try {
    const engine::Graph graph = load(path);
    engine::verify(graph);
    return true;
  } catch (const Error&) {
    return false;
  }
}

TEST(OnnxHostile, TheVictimIsWell) {
  const TemporaryDirectory folder;
  EXPECT_TRUE(survives(folder, victim()));
}

// Fields that no ONNX file has, in every form that protobuf knows.
TEST(OnnxHostile, UnknownFieldsAreSkipped) {
  const TemporaryDirectory folder;
  const std::string whole = victim();
  const std::string start = "\xA3\x06", end = "\xA4\x06", other_end = "\xAC\x06";  // of groups 100 and 101
  const std::string inside = std::string("\x08\x05", 2) + std::string("\x12\x01x", 3) +
                             std::string("\x1D\0\0\0\0", 5) + std::string("\x21\0\0\0\0\0\0\0\0", 9);
  EXPECT_TRUE(survives(folder, whole + start + inside + end));
  EXPECT_TRUE(survives(folder, whole + start + start + inside + end + end));
  EXPECT_FALSE(survives(folder, whole + start + inside + other_end));
  EXPECT_FALSE(survives(folder, whole + start + inside));
  EXPECT_FALSE(survives(folder, whole + end));
  EXPECT_FALSE(survives(folder, whole + start + std::string("\x12\x7Fx", 3) + end));
  std::string deep = whole;
  for (int i = 0; i < 100'000; ++i) deep += start;
  EXPECT_FALSE(survives(folder, deep));
}

TEST(OnnxHostile, CutAtEveryByte) {
  const TemporaryDirectory folder;
  const std::string bytes = victim();
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    SCOPED_TRACE(length);
    (void)survives(folder, std::string_view(bytes).substr(0, length));
  }
}

TEST(OnnxHostile, OneByteChanged) {
  const TemporaryDirectory folder;
  const std::string bytes = victim();
  std::mt19937 random(20240607);
  int loaded = 0;
  for (int i = 0; i < 6000; ++i) {
    std::string damaged = bytes;
    const std::size_t position = random() % damaged.size();
    damaged[position] = static_cast<char>(random());
    SCOPED_TRACE(position);
    loaded += survives(folder, damaged);
  }
  EXPECT_GT(loaded, 0);
  EXPECT_LT(loaded, 6000);
}

TEST(OnnxHostile, SeveralBytesChangedMovedOrDropped) {
  const TemporaryDirectory folder;
  const std::string bytes = victim();
  std::mt19937 random(77);
  for (int i = 0; i < 4000; ++i) {
    std::string damaged = bytes;
    const std::size_t from = random() % damaged.size(), to = random() % damaged.size();
    const std::size_t length = random() % 32;
    if (i % 2 == 0)
      damaged.erase(from, length);
    else
      damaged.insert(to, bytes.substr(from, length));
    damaged[random() % damaged.size()] = static_cast<char>(random());
    (void)survives(folder, damaged);
  }
}

TEST(OnnxHostile, NumbersAtTheEdgesEverywhere) {
  // Every integer of the model's nodes and shapes in turn takes the values that overflow most easily.
  const TemporaryDirectory folder;
  onnx::Model model;
  ASSERT_TRUE(model.ParseFromString(victim()));
  constexpr std::int64_t kEdges[] = {0, -1, INT32_MAX, INT64_MAX, INT64_MIN, std::int64_t{1} << 40};
  for (int n = 0; n < model.graph().node_size(); ++n) {
    for (int a = 0; a < model.graph().node(n).attribute_size(); ++a) {
      for (const std::int64_t edge : kEdges) {
        onnx::Model damaged = model;
        onnx::Attribute& attribute = *damaged.mutable_graph()->mutable_node(n)->mutable_attribute(a);
        if (attribute.has_i()) attribute.set_i(edge);
        for (auto& value : *attribute.mutable_ints()) value = edge;
        (void)survives(folder, damaged.SerializeAsString());
      }
    }
  }
  for (int t = 0; t < model.graph().initializer_size(); ++t) {
    for (const std::int64_t edge : kEdges) {
      onnx::Model damaged = model;
      onnx::Tensor& tensor = *damaged.mutable_graph()->mutable_initializer(t);
      if (tensor.data_type() == 7) {
        const std::vector<std::int64_t> values(tensor.raw_data().size() / 8, edge);
        tensor.set_raw_data(values.data(), values.size() * 8);
        (void)survives(folder, damaged.SerializeAsString());
      }
      tensor.set_dims(0, edge);
      (void)survives(folder, damaged.SerializeAsString());
    }
  }
}

}  // namespace
}  // namespace godwit::importers::test
