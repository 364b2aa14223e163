// Tensors in every place and type: raw bytes, typed fields, attributes, files beside the model.
#include <cstdint>
#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <utility>

#include "importers/importer.h"
#include "tests/importers/model_maker.h"
#include "tests/support/compare.h"
#include "tests/support/errors.h"

namespace godwit::importers::test {
namespace {

// A model that answers its only initialiser.
ModelMaker tensor_model() {
  ModelMaker maker;
  maker.graph().add_initializer()->set_name("w");
  maker.node("Identity", {"w"}, {"y"});
  maker.output("y");
  return maker;
}
onnx::Tensor& tensor_of(ModelMaker& maker) { return *maker.graph().mutable_initializer(0); }

Tensor imported(const ModelMaker& maker) {
  const engine::Graph graph = import(maker);
  return *graph.value(graph.find_value("w")).constant;
}

// Three elements with the lowest bit set as files hold them.
std::string file_bytes(DType dtype, const std::string& bytes) {
  const int bits = packed_bits_of(dtype);
  return bits == 4 ? "\x11\x01" : bits == 2 ? "\x15" : bytes;
}

TEST(OnnxTensors, RawBytesOfEveryType){
#define GODWIT_DTYPE(name, type, onnx_code, numpy)                                      \
  {                                                                                     \
    ModelMaker maker = tensor_model();                                                  \
    onnx::Tensor& tensor = tensor_of(maker);                                            \
    tensor.add_dims(3);                                                                 \
    tensor.set_data_type(onnx_code);                                                    \
    const std::string bytes(3 * sizeof(type), '\1');                                    \
    tensor.set_raw_data(file_bytes(DType::name, bytes));                                \
    const Tensor read = imported(maker);                                                \
    EXPECT_EQ(read.dtype(), DType::name);                                               \
    EXPECT_EQ(std::string(static_cast<const char*>(read.data()), read.bytes()), bytes); \
  }
#include "runtime/dtype.inc"
#undef GODWIT_DTYPE
}

TEST(OnnxTensors, TypedFieldsOfEveryType) {
  const auto int32_field = [](int code, std::initializer_list<std::int32_t> values) {
    ModelMaker maker = tensor_model();
    tensor_of(maker).set_data_type(code);
    tensor_of(maker).add_dims(static_cast<std::int64_t>(values.size()));
    tensor_of(maker).mutable_int32_data()->Add(values.begin(), values.end());
    return imported(maker);
  };
  EXPECT_EQ(values_of<std::uint8_t>(int32_field(2, {0, 255})), (std::vector<std::uint8_t>{0, 255}));
  EXPECT_EQ(values_of<std::int8_t>(int32_field(3, {-128, 127})), (std::vector<std::int8_t>{-128, 127}));
  EXPECT_EQ(values_of<std::uint16_t>(int32_field(4, {0, 65535})), (std::vector<std::uint16_t>{0, 65535}));
  EXPECT_EQ(values_of<std::int16_t>(int32_field(5, {-32768, 32767})),
            (std::vector<std::int16_t>{-32768, 32767}));
  EXPECT_EQ(values_of<std::int32_t>(int32_field(6, {INT32_MIN, INT32_MAX})),
            (std::vector<std::int32_t>{INT32_MIN, INT32_MAX}));
  EXPECT_EQ(values_of<bool>(int32_field(9, {0, 1})), (std::vector<bool>{false, true}));
  EXPECT_EQ(static_cast<float>(int32_field(10, {0x3c00}).values<Float16>()[0]), 1.0F);
  EXPECT_EQ(static_cast<float>(int32_field(16, {0xbf80}).values<BFloat16>()[0]), -1.0F);

  const auto narrow = [](int code, std::int64_t count, std::initializer_list<std::int32_t> values) {
    ModelMaker maker = tensor_model();
    tensor_of(maker).set_data_type(code);
    tensor_of(maker).add_dims(count);
    tensor_of(maker).mutable_int32_data()->Add(values.begin(), values.end());
    const Tensor read = imported(maker);
    std::vector<double> result;
    for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i)
      result.push_back(support::value_at(read, i));
    return result;
  };
  using Numbers = std::vector<double>;
  EXPECT_EQ(narrow(17, 2, {0x38, 0xb8}), (Numbers{1, -1}));             // E4M3FN
  EXPECT_EQ(narrow(20, 2, {0x40, 0xc0}), (Numbers{1, -1}));             // E5M2FNUZ
  EXPECT_EQ(narrow(21, 3, {0xf1, 0x07}), (Numbers{1, 15, 7}));          // UINT4
  EXPECT_EQ(narrow(22, 3, {0xf1, 0x07}), (Numbers{1, -1, 7}));          // INT4
  EXPECT_EQ(narrow(23, 2, {0x97}), (Numbers{6, -0.5}));                 // E2M1
  EXPECT_EQ(narrow(25, 5, {0xe4, 0x02}), (Numbers{0, 1, 2, 3, 2}));     // UINT2
  EXPECT_EQ(narrow(26, 5, {0xe4, 0x02}), (Numbers{0, 1, -2, -1, -2}));  // INT2

  const auto other = [](int code, const auto& fill) {
    ModelMaker maker = tensor_model();
    tensor_of(maker).set_data_type(code);
    tensor_of(maker).add_dims(2);
    fill(tensor_of(maker));
    return imported(maker);
  };
  EXPECT_EQ(values_of(other(1, [](onnx::Tensor& t) { t.add_float_data(1.5F), t.add_float_data(-2); })),
            (std::vector<float>{1.5F, -2}));
  EXPECT_EQ(
      values_of<double>(other(11, [](onnx::Tensor& t) { t.add_double_data(1e300), t.add_double_data(-2); })),
      (std::vector<double>{1e300, -2}));
  EXPECT_EQ(values_of<std::int64_t>(
                other(7, [](onnx::Tensor& t) { t.add_int64_data(INT64_MIN), t.add_int64_data(5); })),
            (std::vector<std::int64_t>{INT64_MIN, 5}));
  EXPECT_EQ(values_of<std::uint32_t>(
                other(12, [](onnx::Tensor& t) { t.add_uint64_data(UINT32_MAX), t.add_uint64_data(0); })),
            (std::vector<std::uint32_t>{UINT32_MAX, 0}));
  EXPECT_EQ(values_of<std::uint64_t>(
                other(13, [](onnx::Tensor& t) { t.add_uint64_data(UINT64_MAX), t.add_uint64_data(0); })),
            (std::vector<std::uint64_t>{UINT64_MAX, 0}));
}

TEST(OnnxTensors, ElementsOutOfRange) {
  const auto error_of_element = [](int code, std::int32_t value) {
    ModelMaker maker = tensor_model();
    tensor_of(maker).set_data_type(code);
    tensor_of(maker).add_int32_data(value);
    return import_error(maker);
  };
  expect_contains(error_of_element(2, 256), "initializer 'w': element 0 is 256, out of range for u8");
  expect_contains(error_of_element(3, -129), "element 0 is -129, out of range for s8");
  expect_contains(error_of_element(9, 2), "element 0 is 2, out of range for");
  expect_contains(error_of_element(10, 0x10000), "int32_data[0] is 65536, expected the 16 bits of a float");
  ModelMaker maker = tensor_model();
  set_raw(tensor_of(maker), 9, {2}, std::vector<std::uint8_t>{1, 7});
  expect_contains(import_error(maker), "a bool has byte value 7, expected 0 or 1");
}

TEST(OnnxTensors, BytesThatDoNotMatchTheShape) {
  ModelMaker raw = tensor_model();
  set_raw(tensor_of(raw), 1, {2, 3}, std::vector<float>(5));
  expect_contains(import_error(raw), "initializer 'w': has 20 bytes of data, its shape 2x3 of f32 takes 24");
  ModelMaker typed = tensor_model();
  tensor_of(typed).set_data_type(1);
  tensor_of(typed).add_dims(2);
  tensor_of(typed).add_float_data(1);
  expect_contains(import_error(typed), "has 1 value in float_data, its shape 2 takes 2");
  ModelMaker wrong_field = tensor_model();
  tensor_of(wrong_field).set_data_type(1);
  tensor_of(wrong_field).add_dims(1);
  tensor_of(wrong_field).add_int64_data(1);
  expect_contains(import_error(wrong_field), "has 0 values in float_data");
  ModelMaker both = tensor_model();
  set_raw(tensor_of(both), 1, {1}, std::vector<float>{1});
  tensor_of(both).add_float_data(1);
  expect_contains(import_error(both), "has its data twice");
}

TEST(OnnxTensors, ImpossibleShapesAndTypes) {
  ModelMaker negative = tensor_model();
  set_raw(tensor_of(negative), 1, {-1}, std::vector<float>{1});
  expect_contains(import_error(negative), "initializer 'w': dimension -1 is negative");
  ModelMaker overflow = tensor_model();
  set_raw(tensor_of(overflow), 1, {INT64_MAX, 2}, std::vector<float>{1});
  expect_contains(import_error(overflow), "has more elements than fit in 63 bits");
  ModelMaker bytes = tensor_model();
  set_raw(tensor_of(bytes), 1, {INT64_MAX}, std::vector<float>{1});
  expect_contains(import_error(bytes), "does not fit in memory");
  for (const auto& [code, name] : {std::pair{8, "string"},
                                   {14, "complex64"},
                                   {15, "complex128"},
                                   {0, "undefined"},
                                   {99, "unknown"},
                                   {-3, "unknown"}}) {
    ModelMaker maker = tensor_model();
    set_raw(tensor_of(maker), code, {1}, std::vector<float>{1});
    expect_contains(import_error(maker), fmt::format("element type {} ({}) is not supported", code, name));
  }
  ModelMaker segment = tensor_model();
  set_raw(tensor_of(segment), 1, {1}, std::vector<float>{1});
  tensor_of(segment).set_segment("");
  expect_contains(import_error(segment), "is one segment of a larger tensor");
}

TEST(OnnxTensors, ScalarsAndEmptyTensors) {
  ModelMaker scalar = tensor_model();
  set_raw(tensor_of(scalar), 1, {}, std::vector<float>{7});
  EXPECT_EQ(imported(scalar).shape(), Shape{});
  ModelMaker empty = tensor_model();
  set_raw(tensor_of(empty), 1, {0, 4}, std::vector<float>{});
  EXPECT_EQ(imported(empty).bytes(), 0U);
}

TEST(OnnxTensors, AttributesOfEveryType) {
  ModelMaker maker;
  maker.input("x", {1, 1, 4, 4});
  maker.constant("w", {1, 1, 1, 1}, std::vector<float>{2});
  onnx::Node& conv = maker.node("Conv", {"x", "w"}, {"a"});
  set_string(conv, "auto_pad", "VALID");
  set_int(conv, "group", 1);
  set_ints(conv, "strides", {2, 2});
  set_float(maker.node("LeakyRelu", {"a"}, {"b"}), "alpha", 0.5F);
  onnx::Node& constant = maker.node("Constant", {}, {"c"});
  set_raw(*attribute(constant, "value", 4).mutable_t(), 1, {1}, std::vector<float>{10});
  maker.node("Add", {"b", "c"}, {"y"});
  maker.output("y");
  const engine::Graph graph = import(maker);
  EXPECT_EQ(graph.nodes.size(), 3U) << "a Constant needs no node";
  const Tensor x = Tensor::of<float>({1, 1, 4, 4}, {1, 0, -2, 0, 0, 0, 0, 0, 3, 0, 4, 0, 0, 0, 0, 0});
  EXPECT_EQ(values_of(run(graph, {x})[0]), (std::vector<float>{12, 8, 16, 18}));
}

TEST(OnnxTensors, WrongAttributes) {
  const auto error_with = [](const auto& change) {
    ModelMaker maker = good_model();
    change(*maker.graph().mutable_node(0));
    return import_error(maker);
  };
  expect_contains(error_with([](onnx::Node& n) { set_int(n, "colour", 3); }),
                  "node 'relu' (Relu): attribute 'colour' is not known for this operator");
  expect_contains(error_with([](onnx::Node& n) { n.set_op_type("Softmax"), set_float(n, "axis", 1); }),
                  "attribute 'axis' is a real, expected");
  expect_contains(error_with([](onnx::Node& n) {
                    n.set_op_type("Softmax"), set_int(n, "axis", 1), set_int(n, "axis", 1);
                  }),
                  "attribute 'axis' is given twice");
  expect_contains(error_with([](onnx::Node& n) { attribute(n, "axis", 2).set_f(1); }),
                  "attribute 'axis' is declared as integer and holds real");
  expect_contains(error_with([](onnx::Node& n) { (void)attribute(n, "body", 5).mutable_g(); }),
                  "attribute 'body' is of type graph, which is not supported");
  expect_contains(error_with([](onnx::Node& n) { attribute(n, "t", 11); }),
                  "attribute 't' is of type sparse tensor");
  expect_contains(error_with([](onnx::Node& n) { attribute(n, "t", 77); }),
                  "attribute 't' is of type unknown");
  expect_contains(error_with([](onnx::Node& n) { attribute(n, "a", 2).set_ref_attr_name("b"); }),
                  "attribute 'a' refers to a function's attribute");
  expect_contains(error_with([](onnx::Node& n) {
                    set_raw(*attribute(n, "t", 4).mutable_t(), 1, {3}, std::vector<float>{1});
                  }),
                  "attribute 't': has 4 bytes of data, its shape 3 of f32 takes 12");
  // Files of IR version 1 leave the type out.
  ModelMaker untyped;
  untyped.input("x", {2, 3});
  attribute(untyped.node("Softmax", {"x"}, {"y"}), "axis", 0).set_i(1);
  untyped.output("y");
  EXPECT_NO_THROW((void)import(untyped));
}

// Models whose weights lie in files beside them.
class OnnxExternalData : public ::testing::Test {
 protected:
  OnnxExternalData() {
    folder_.write("weights.bin", std::string(64, '\0') + std::string(12, '\1'));
    maker_ = tensor_model();
    tensor_of(maker_).set_data_type(1);
    tensor_of(maker_).add_dims(3);
    tensor_of(maker_).set_data_location(1);
  }
  void set(const char* key, const std::string& value) {
    onnx::KeyValue& entry = *tensor_of(maker_).add_external_data();
    entry.set_key(key);
    entry.set_value(value);
  }
  std::string error() {
    const std::string path = maker_.save(folder_);
    return support::error_of([&] { (void)load(path); });
  }
  std::string error_of_location(const std::string& location) {
    tensor_of(maker_).clear_external_data();
    set("location", location);
    return error();
  }

  TemporaryDirectory folder_;
  ModelMaker maker_;
};

TEST_F(OnnxExternalData, IsReadAtItsOffset) {
  set("location", "weights.bin");
  set("offset", "64");
  set("length", "12");
  set("checksum", "ignored");
  const engine::Graph graph = load(maker_.save(folder_));
  const Tensor& tensor = *graph.value(graph.find_value("w")).constant;
  EXPECT_EQ(std::string(static_cast<const char*>(tensor.data()), tensor.bytes()), std::string(12, '\1'));
}

TEST_F(OnnxExternalData, MayBeUnaligned) {
  set("location", "weights.bin");
  set("offset", "63");
  const engine::Graph graph = load(maker_.save(folder_));
  const Tensor& tensor = *graph.value(graph.find_value("w")).constant;
  EXPECT_EQ(std::string(static_cast<const char*>(tensor.data()), tensor.bytes()),
            '\0' + std::string(11, '\1'));
}

TEST_F(OnnxExternalData, OffsetsBeyondFourGigabytesWork) {
  // A file with a hole takes no space.
  const std::uint64_t offset = (std::uint64_t{1} << 32) + 64;
  std::filesystem::resize_file(folder_ / "weights.bin", offset);
  std::ofstream(folder_ / "weights.bin", std::ios::binary | std::ios::app) << std::string(12, '\2');
  set("location", "weights.bin");
  set("offset", fmt::format("{}", offset));
  const engine::Graph graph = load(maker_.save(folder_));
  const Tensor& tensor = *graph.value(graph.find_value("w")).constant;
  EXPECT_EQ(std::string(static_cast<const char*>(tensor.data()), tensor.bytes()), std::string(12, '\2'));
}

TEST_F(OnnxExternalData, OutsideOfTheFolderIsRefused) {
  expect_contains(error_of_location(""), "initializer 'w': the name of an external file is empty");
  expect_contains(error_of_location("/etc/hostname"), "external file '/etc/hostname' is an absolute path");
  expect_contains(error_of_location("../x"), "external file '../x' has '..' in its path");
  expect_contains(error_of_location("a/../../x"), "has '..' in its path");
  expect_contains(error_of_location(std::string("weights.bin\0x", 13)), "control characters");
  const TemporaryDirectory elsewhere;
  const std::string target = elsewhere.write("secret.bin", std::string(100, 's'));
  std::filesystem::create_symlink(target, folder_ / "link.bin");
  expect_contains(error_of_location("link.bin"),
                  "external file 'link.bin' is a link that leads out of the model's folder");
  std::filesystem::create_directory_symlink(elsewhere.path(), folder_ / "linked");
  expect_contains(error_of_location("linked/secret.bin"), "is a link that leads out of the model's folder");
  std::filesystem::create_symlink("weights.bin", folder_ / "inside.bin");
  EXPECT_EQ(error_of_location("inside.bin"), "");
}

TEST_F(OnnxExternalData, MissingAndSpecialFilesAreRefused) {
  expect_contains(error_of_location("absent.bin"),
                  "external file 'absent.bin' cannot be found: No such file");
  std::filesystem::create_directory(folder_ / "directory");
  expect_contains(error_of_location("directory"), "external file 'directory' is not a regular file");
  ASSERT_EQ(::mkfifo((folder_ / "pipe").c_str(), 0600), 0);
  expect_contains(error_of_location("pipe"), "external file 'pipe' is not a regular file");
}

TEST_F(OnnxExternalData, SizesPastTheEndAreRefused) {
  const auto error_at = [&](const char* offset, const char* length) {
    tensor_of(maker_).clear_external_data();
    set("location", "weights.bin");
    set("offset", offset);
    set("length", length);
    return error();
  };
  expect_contains(error_at("65", "12"),
                  "12 bytes at offset 65 reach past the end of 'weights.bin', which has 76 bytes");
  expect_contains(error_at("18446744073709551615", "12"), "reach past the end");
  expect_contains(error_at("4", "18446744073709551615"), "reach past the end");
  expect_contains(error_at("0", "16"), "has 16 bytes of data, its shape 3 of f32 takes 12");
  expect_contains(error_at("-1", "12"), "external data: offset is not a number of bytes");
  expect_contains(error_at("0", "12 "), "external data: length is not a number of bytes");
  expect_contains(error_at("99999999999999999999999", "12"), "offset is not a number of bytes");
}

TEST(LoadTensor, ReadsOneTensorFile) {
  const TemporaryDirectory folder;
  onnx::Tensor tensor;
  set_raw(tensor, 7, {2}, std::vector<std::int64_t>{5, 6});
  EXPECT_EQ(values_of<std::int64_t>(load_tensor(folder.write("input_0.pb", tensor.SerializeAsString()))),
            (std::vector<std::int64_t>{5, 6}));
}

TEST(LoadTensor, RefusesWhatIsNoTensor) {
  const TemporaryDirectory folder;
  const auto error_of_bytes = [&](std::string_view bytes) {
    const std::string path = folder.write("t.pb", bytes);
    return support::error_of([&] { (void)load_tensor(path); });
  };
  expect_contains(error_of_bytes(""), "t.pb: the file is empty");
  // A sequence: its element type in field 2, its tensors in field 3.
  expect_contains(error_of_bytes(std::string("\x10\x01\x1a\x02\x10\x01", 6)),
                  "something else than one tensor");
  expect_contains(error_of_bytes("\x10\x08"), "element type 8 (string) is not supported");
  expect_contains(support::error_of([&] { (void)load_tensor(folder / "absent.pb"); }),
                  "absent.pb': No such file");
}

}  // namespace
}  // namespace godwit::importers::test
