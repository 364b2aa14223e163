// Everything else that commands read and is broken: images, tensors, tables, labels, descriptions, plans,
// ledgers; and files that cannot be written.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <string>

#include "tests/runtime/image/encode.h"
#include "tests/tools/broken.h"

namespace godwit::tools {
namespace {

std::string text_of(const std::vector<unsigned char>& bytes) { return {bytes.begin(), bytes.end()}; }

// An .npy file of version 1 with this header.
std::string npy(const std::string& header, const std::string& data = "") {
  std::string file = std::string("\x93NUMPY\x01", 7) + std::string(1, '\0');
  file += static_cast<char>(header.size() & 0xffU);
  file += static_cast<char>(header.size() >> 8U);
  return file + header + data;
}
std::string npy_of(const char* descr, const char* order, const char* shape, const std::string& data = "") {
  return npy(fmt::format("{{'descr': '{}', 'fortran_order': {}, 'shape': {}, }}\n", descr, order, shape),
             data);
}

TEST_F(BrokenFiles, Tensors) {
  const std::string good = npy_of("<f4", "False", "(1, 3, 8, 8)", std::string(768, '\0'));
  std::vector<Broken> list = {
      {"empty.npy", "", "not an .npy file"},
      {"text.npy", "1, 2, 3\n", "not an .npy file"},
      {"header.npy", good.substr(0, 40), "the file ends inside its header"},
      {"data.npy", good.substr(0, good.size() - 1), "needs 768 bytes of data, the file has 767"},
      {"more.npy", good + "x", "needs 768 bytes of data, the file has 769"},
      {"claim.npy", npy_of("<f4", "False", "(4611686018427387904, 3)"), "more elements than fit"},
      {"large.npy", npy_of("<f4", "False", "(1000000, 3, 8, 8)"), "the file has 0"},
      {"order.npy", npy_of("<f4", "True", "(1, 3, 8, 8)", std::string(768, '\0')), "in Fortran order"},
      {"objects.npy", npy_of("|O", "False", "(1,)"), "element type '|O' is not supported"},
      {"big_endian.npy", npy_of(">f4", "False", "(1,)", "1234"), "element type '>f4' is not supported"},
      {"negative.npy", npy_of("<f4", "False", "(-1, 3)"), "its header is malformed"},
      {"keys.npy", npy("{'descr': '<f4'}\n"), "its header is malformed"},
      {"nonsense.npy", npy("import os\n"), "its header is malformed"},
      {"version.npy", "\x93NUMPY\x09" + good.substr(7, 200), "its format version is 9"},
      {"shape.npy", npy_of("<f4", "False", "(1, 3, 8, 9)", std::string(864, '\0')),
       "but input 'input' is f32"},
      {"type.npy", npy_of("<i8", "False", "(1,)", std::string(8, '\0')), "holds s64 1, but input"},
      {"ending.txt", good, "is neither .npy nor .pb"},
      {"empty.pb", "", "the file is empty"},
      {"text.pb", "hello\n", "the file is"},
      {"claim.pb", "\x4a\xff\xff\xff\xff\x07", "it announces 2147483647 bytes, 0 are there"},
      {"dims.pb", field(1, static_cast<std::uint64_t>(-3)) + field(2, 1), ""},
      {"type.pb", field(1, 1) + field(2, 77), ""},
  };
  append(list, no_files(".npy"));
  const auto run = [&](const std::string& path) {
    return Strings{"run", model, "--input", path, "--output-dir", folder / "out"};
  };
  expect_answers(list, run);
  for (const char* text : {"input=", "inpt=x.npy", ""}) {
    for (const Strings& arguments :
         {run(text), Strings{"bench", model, "--input", text, "--iterations", "1"}}) {
      const Outcome outcome = godwit(arguments);
      EXPECT_EQ(outcome.exit_code, 2) << text;
      EXPECT_TRUE(outcome.err.starts_with("godwit: error: ")) << outcome.err;
    }
  }
  expect_error(godwit({"bench", model, "--input", "input=", "--iterations", "1"}), 2,
               "--input 'input=' names no file, expected NAME=FILE");
}

TEST_F(BrokenFiles, Images) {
  const std::string jpeg = text_of(some_jpeg()), png = text_of(plain_png(1, 2, 3));
  const std::string progressive = text_of(test::encode_jpeg(40, 30, {.progressive = true}));
  const auto at = [](std::string bytes, std::size_t place, char value) {
    bytes.at(place) = value;
    return bytes;
  };
  std::vector<Broken> list = {
      {"empty.jpg", "", "the file is empty, expected a JPEG or PNG image"},
      {"text.jpg", "This is no image.\n", "the file is neither a JPEG nor a PNG image"},
      {"half.jpg", jpeg.substr(0, jpeg.size() / 2), "the file is cut off: it ends at byte "},
      {"half_progressive.jpg", progressive.substr(0, progressive.size() / 2), "the file is cut off"},
      {"start.jpg", jpeg.substr(0, 3), "the file is cut off: it ends at byte 3"},
      {"two_bytes.jpg", jpeg.substr(0, 2), "neither a JPEG nor a PNG image"},
      {"huge.jpg", std::string("\xff\xd8\xff\xc0\x00\x0b\x08\xff\xdc\xff\xdc\x01\x01\x11\x00\xff\xd9", 17),
       "it has a frame header and no scan"},
      {"end.jpg", "\xff\xd8\xff\xd9", "its end marker comes before any image, near byte 4"},
      {"marker.jpg", "\xff\xd8\xff\x02", "it has a marker 0x02, which stands for nothing"},
      {"scans.jpg", text_of(test::jpeg_of_scans(200)), "it has more than 100 scans"},
      {"animation.gif", "GIF89a" + std::string(20, '\0'), "neither a JPEG nor a PNG image"},
      {"signature.png", png.substr(0, 8), "cannot decode the PNG: it has no pixels"},
      {"half.png", png.substr(0, png.size() / 2), "cannot decode the PNG: "},
      {"checksum.png", at(png, 29, static_cast<char>(png[29] ^ 1)), "chunk IHDR has a wrong checksum"},
      {"wide.png", at(png, 16, '\x7f'), "chunk IHDR has a wrong checksum"},
      {"no_pixels.png", png.substr(0, 33), "cannot decode the PNG: "},
  };
  append(list, no_files(".png", "does not exist"));
  for (Broken& each : list) {
    if (each.form == Broken::Form::directory) each.golden = "has no .jpg, .jpeg or .png file";
  }
  expect_answers(list, [&](const std::string& path) { return Strings{"classify", model, path, "--strict"}; });
}

TEST_F(BrokenFiles, Labels) {
  std::vector<Broken> list = {
      {"empty.txt", "", "has no labels"},
      {"blank.txt", "\n\n", "has no labels"},
      {"few.txt", "a\nb\n", "names 2 classes, but the model has 4"},
      {"one.txt", "a\n", "names 1 class, but the model has 4"},
      {"latin1.txt", "caf\xe9\nb\nc\nd\n", "line 1 is not UTF-8"},
      {"image.txt", text_of(plain_png(1, 2, 3)), "is not UTF-8"},
      {"open.json", "[\"a\",\n\"b\"", "is not valid JSON: it ends too early, in line 2"},
      {"quotes.json", "{'0': 'a'}", "is not valid JSON: line 1, column 2 cannot be read"},
      {"number.json", "[1, 2, 3, 4]", "entry 0: a label is not a string"},
      {"deep.json", std::string(100'000, '['), "is not valid JSON"},
      {"twice.csv", "class,name\n0,a\n0,b\n", "line 3: class 0 has the name 'a' already"},
      {"column.csv", "class,file\n0,a\n", "line 1 is a header without a column 'name'"},
      {"quote.csv", "class,name\n0,\"a\n", "a quoted field does not end"},
      {"fields.csv", "class,name\n0,a,b\n", "line 2 has 3 fields, expected 2"},
      {"one_field.csv", "class,name\n0\n", "line 2 has 1 field, expected 2"},
      {"utf32.txt", std::string("\xff\xfe\0\0", 4), "is UTF-32; save it as UTF-8"},
  };
  append(list, no_files(".txt"));
  expect_answers(list, [&](const std::string& path) {
    return Strings{"classify", model, image, "--labels", path};
  });
}

// A header is no label, and a table that cannot be told from names is refused.
TEST_F(BrokenFiles, HeadersAreNoLabels) {
  const std::vector<std::string> texts = {"name\na\nb\nc\nd\n", "class,name\n0,a\n1,b\n2,c\n3,d\n",
                                          "label\na\nb\nc\nd\n", "index;label\n0;a\n1;b\n2;c\n3;d\n"};
  for (const std::string& text : texts) {
    const Outcome outcome =
        godwit({"classify", model, image, "--labels", folder.write("labels.txt", text), "--json"});
    ASSERT_EQ(outcome.exit_code, 0) << text << outcome.err;
    for (const Json& label : outcome.json().at("images").at(0).at("labels"))
      EXPECT_EQ(label.at("label").get<std::string>().size(), 1U) << outcome.out;
  }
}

TEST_F(BrokenFiles, DescriptionsOfPreprocessing) {
  std::vector<Broken> list = {
      {"empty.json", "", "not valid JSON: there is nothing in it"},
      {"text.json", "torch\n", "not valid JSON: line 1, column 2 cannot be read"},
      {"open.json", "{\n\"crop\": 3", "not valid JSON: it ends too early, in line 2"},
      {"list.json", "[1, 2]", "[1,2] is not a JSON object"},
      {"key.json", R"({"size": 3})", "key 'size': unknown key: expected resize,"},
      {"value.json", R"({"crop": "a"})", "key 'crop': \"a\" is not a whole number from 0 to 16384"},
      {"number.json", R"({"scale": 1e999})", "not valid JSON: line 1, "},
      {"deep.json", std::string(500'000, '[') + std::string(500'000, ']'), "nests deeper than"},
  };
  append(list, no_files(".json", "is neither a file nor a preset"));
  expect_answers(list, [&](const std::string& path) {
    return Strings{"preprocess", image, "--output", folder / "x.npy", "--preprocess", path};
  });
}

TEST_F(BrokenFiles, ListsAndTables) {
  std::vector<Broken> lists = {
      {"empty.csv", "", "is empty, expected CSV with a header line"},
      {"column.csv", "name,class\na.png,1\n", "has no column 'file'; its columns are name, class"},
      {"quote.csv", "file\n\"a.png\n", "line 2: a quoted field does not end"},
      {"fields.csv", "file,class\na.png,1,2,3\n", "line 2 has 4 fields, expected 2"},
      {"separators.csv", "file,class;x\na.png\n", "line 1 has ',' and ';', and neither gives"},
      {"returns.csv", "file\na.png\rb.png\nc.png\n", "carriage return"},
  };
  append(lists, no_files(".csv"));
  expect_answers(lists, [&](const std::string& path) { return Strings{"classify", model, "--list", path}; });
  expect_answers(
      {{"class.csv", "file,class\ngood.png,one\n", "class 'one' of 'good.png' is not a whole number"},
       {"negative.csv", "file,class\ngood.png,-1\n", "is not a whole number from 0 on"},
       {"beyond.csv", "file,class\ngood.png,4\n", "is beyond the model's 4 classes"},
       {"rows.csv", "file,class\n", "has no rows below its header"}},
      [&](const std::string& path) {
        return Strings{"accuracy", model, "--data", folder.path().string(), "--labels", path};
      });
}

TEST_F(BrokenFiles, Plans) {
  std::vector<Broken> list = {
      {"empty.plan", "", "no plan file, or a damaged one (not valid JSON: there is nothing in it)"},
      {"yaml.plan", "steps:\n  - a: b\n",
       "is no plan file, or a damaged one (not valid JSON: line 1, column 1 cannot be read"},
      {"open.plan",
       "{\"schema\": ", "is no plan file, or a damaged one (not valid JSON: it ends too early, in line 1"},
      {"schema.plan", R"({"schema": 1})", "'schema' must be a text"},
      {"other.plan", R"({"schema": "godwit.bench/1"})", "a plan of format 'godwit.bench/1'"},
      {"fields.plan", R"({"schema": "godwit.plan/1"})", "'version' is missing"},
  };
  append(list, no_files(".plan"));
  expect_answers(list, [&](const std::string& path) {
    return Strings{"bench", model, "--iterations", "1", "--plan", path};
  });
}

TEST_F(BrokenFiles, LedgersAndProfiles) {
  std::vector<Broken> ledgers = {
      {"text.jsonl", "hello\n", "has no column 'Model Name'"},
      {"open.jsonl", "{\"schema\": \n", "line 1"},
      {"list.jsonl", "[1]\n", "has no column 'Model Name'"},
      {"schema.jsonl", R"({"schema": "godwit.bench/1"})", "godwit.bench/1"},
      {"number.jsonl", R"({"schema": "godwit.energy/1", "run": "a", "time": "b", "closure": 1e999})",
       "line 1"},
      {"empty.jsonl", "", "is empty"},
  };
  append(ledgers, no_files(".jsonl"));
  expect_answers(ledgers, [](const std::string& path) { return Strings{"report", path}; });
  std::vector<Broken> profiles = {
      {"empty.json", "", "is not valid JSON: there is nothing in it"},
      {"object.json", "{}", "is not a profile; 'godwit energy calibrate --output FILE' writes one"},
      {"fields.json", R"({"schema": "godwit.power_profile/1"})", "lacks a field of a profile"},
  };
  append(profiles, no_files(".json"));
  expect_answers(profiles, [&](const std::string& path) {
    return Strings{"bench", model, "--iterations", "1", "--estimate", "--power-profile", path};
  });
}

TEST_F(BrokenFiles, FilesThatCannotBeWritten) {
  const auto refused = [&](const Strings& arguments, const std::string& words) {
    const Outcome outcome = godwit(arguments);
    EXPECT_TRUE(outcome.exit_code == 1 || outcome.exit_code == 2) << outcome.exit_code;
    EXPECT_NE(outcome.err.find("godwit: error: "), std::string::npos) << outcome.err;
    EXPECT_NE(outcome.err.find(words), std::string::npos) << outcome.err << "expected: " << words;
    EXPECT_EQ(foreign_word(outcome.err), "") << outcome.err;
  };
  const std::string gone = folder / "gone/x", full = "/dev/full", here = folder.path().string();
  const std::string truth = folder.write("truth.csv", "file,class\ngood.png,0\n");
  const Strings accuracy = {"accuracy", model, "--data", here, "--labels", truth};
  const auto with = [](Strings arguments, const Strings& more) {
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  };
  const std::string no_space = "cannot write '/dev/full': No space left on device";
  refused({"preprocess", image, "--output", full}, no_space);
  refused({"preprocess", image, "--output", gone}, "No such file or directory");
  refused({"preprocess", image, "--output", here}, "Is a directory");
  refused(with(accuracy, {"--predictions", full}), no_space);
  refused(with(accuracy, {"--probabilities", full}), no_space);
  refused(with(accuracy, {"--predictions", gone}), "No such file or directory");
  refused({"convert", model, folder / "gone/x.onnx"}, "No such file or directory");
  refused({"convert", model, model}, "is a file that is read; write to another");
  refused({"quantize", model, "--calibration", here, "--output", folder / "gone/q.onnx"},
          "No such file or directory");
  refused({"bench", model, "--iterations", "1", "--tune", gone}, "No such file or directory");
  refused({"run", model, "--input", "x.npy", "--output-dir", image}, "");
  const std::string x = folder.write("x.npy", npy_of("<f4", "False", "(1, 3, 8, 8)", std::string(768, '\0')));
  refused({"run", model, "--input", x, "--output-dir", image}, "good.png");
  refused({"run", model, "--input", x, "--output-dir", "/proc/gone"}, "cannot make folder '/proc/gone'");
}

}  // namespace
}  // namespace godwit::tools
