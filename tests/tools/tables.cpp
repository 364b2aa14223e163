// Text tables and labels as people's programs write them: read right, or refused with the place.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/errors.h"
#include "tests/support/temporary_directory.h"
#include "tools/vision/csv.h"
#include "tools/vision/examples.h"
#include "tools/vision/files.h"
#include "tools/vision/labels.h"
#include "tools/vision/text.h"

namespace godwit::vision {
namespace {

using support::error_of;
using test::TemporaryDirectory;
using Strings = std::vector<std::string>;
using namespace std::string_literals;

// ASCII text in UTF-16.
std::string utf16(std::string_view text, bool big_endian, bool mark = true) {
  std::string bytes = !mark ? "" : big_endian ? "\xFE\xFF" : "\xFF\xFE";
  for (const char c : text) {
    bytes += big_endian ? '\0' : c;
    bytes += big_endian ? c : '\0';
  }
  return bytes;
}

TEST(Text, EncodingsBecomeUtf8) {
  EXPECT_EQ(utf8_text("\xEF\xBB\xBF"
                      "a",
                      "t"),
            "a");
  for (const bool big_endian : {false, true}) {
    for (const bool mark : {false, true})
      EXPECT_EQ(utf8_text(utf16("tench\nray\n", big_endian, mark), "t"), "tench\nray\n");
  }
  // ä, €, and a letter beyond 16 bits, in UTF-16 and UTF-8.
  EXPECT_EQ(utf8_text("\xFF\xFE\xe4\x00\xac\x20\x00\xd8\x00\xdf"s, "t"),
            "\xc3\xa4\xe2\x82\xac\xf0\x90\x8c\x80");
  EXPECT_EQ(utf8_text("\xc3\xa4\xe2\x82\xac\xf0\x90\x8c\x80", "t"), "\xc3\xa4\xe2\x82\xac\xf0\x90\x8c\x80");
  EXPECT_EQ(utf8_text("", "t"), "");
}

TEST(Text, OtherBytesAreRefusedWithTheirLine) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"a\nsh\xe4rk\n", "'t' line 2 is not UTF-8 (byte 0xe4); save the file as UTF-8"},
      {"a\xc0\x80", "line 1 is not UTF-8"},         // too long for its value
      {"\xed\xa0\x80", "line 1 is not UTF-8"},      // half of a pair
      {"a\n\xe2\x82", "line 2 is not UTF-8"},       // cut off
      {"\xf4\x90\x80\x80", "line 1 is not UTF-8"},  // beyond the last character
      {"a\nb\0c"s, "line 2 has a byte that is 0"},
      {"\xFF\xFE\0\0a\0\0\0"s, "is UTF-32"},
      {"\0\0\xFE\xFF\0\0\0a"s, "is UTF-32"},
      {"\xFF\xFE"
       "a\0b"s,
       "ends within a character"},
      {"\xFF\xFE\x00\xdc"s, "is not valid UTF-16"},
      {"\xFF\xFE\x00\xd8"s, "is not valid UTF-16"}};
  for (const auto& [bytes, words] : cases)
    EXPECT_NE(error_of([&, &bytes = bytes] { (void)utf8_text(bytes, "t"); }).find(words), std::string::npos)
        << words;
}

TEST(Text, LinesEndInThreeWays) {
  for (const char* text : {"a\nb\n", "a\r\nb\r\n", "a\rb\r", "a\r\r\nb", "a\nb"}) {
    const std::vector<Line> lines = lines_of(text, "t");
    ASSERT_EQ(lines.size(), 2U) << text;
    EXPECT_EQ(lines[0].text, "a");
    EXPECT_EQ(lines[1].text, "b");
    EXPECT_EQ(lines[1].number, 2U);
  }
  EXPECT_NE(error_of([] { (void)lines_of("a\nb\rc\n", "t"); }).find("'t' line 2 has a carriage return"),
            std::string::npos);
}

TEST(Csv, SeparatorsHeadersAndLineEnds) {
  for (const char* text : {"Class,File Name\n3,a b\n", "class;file_name\r\n3;a b\r\n",
                           "CLASS\tfile-name\r3\ta b\r", " class , filename \n 3 , a b \n",
                           "sep=;\nclass;filename\n3;a b", "class, \"filename\"\n3, \"a b\"\n",
                           "\n\nclass,filename\n\n3,a b\n\n", "class,filename\r\r\n3,a b\r\r\n"}) {
    const CsvTable table = parse_csv(text, "t");
    ASSERT_EQ(table.rows.size(), 1U) << text;
    EXPECT_EQ(table.rows[0][table.column("class")], "3") << text;
    EXPECT_EQ(table.rows[0][table.column("file_name")], "a b") << text;
  }
  EXPECT_EQ(parse_csv("class;name\n0;tench, Tinca tinca\n", "t").rows[0][1], "tench, Tinca tinca");
  // Both stand in the header, and one alone fits all lines.
  EXPECT_EQ(parse_csv("a;x,b\n1;2,3\n4,5\n", "t").separator, ',');
  const CsvTable lines = parse_csv("a,b\n\n1,\"x\ny\"\n3,4\n", "t");
  EXPECT_EQ(lines.place(0), "'t' line 3");
  EXPECT_EQ(lines.place(1), "'t' line 5");
}

TEST(Csv, WhatIsNoTableIsRefused) {
  const std::vector<std::pair<const char*, const char*>> cases = {
      {"a,b\n1,2,3\n", "'t' line 2 has 3 fields, expected 2"},
      {"a;b\n1;2\n3\n", "'t' line 3 has 1 field, expected 2"},
      {"a,b\n\"1\"x,2\n", "'t' line 2: text follows a quoted field"},
      {"a,b\n1,\"2\n", "'t' line 2: a quoted field does not end"},
      {"a,b\n1\r2,3\n", "'t' line 2: a carriage return in the middle"},
      {"a;b,c\n1;2,3\n", "'t' line 1 has ';' and ',', and each gives all lines the same number of fields"},
      {"a;b,c\n1\n2,3,4\n", "'t' line 1 has ';' and ',', and neither gives"},
      {"", "'t' is empty"}};
  for (const auto& [text, words] : cases) {
    const std::string error = error_of([&, &text = text] { (void)parse_csv(text, "t"); });
    EXPECT_NE(error.find(words), std::string::npos) << error;
  }
  const CsvTable table = parse_csv("Class,class\n1,2\n", "t");
  EXPECT_NE(error_of([&] { (void)table.column("class"); }).find("twice"), std::string::npos);
  EXPECT_EQ(error_of([&] { (void)table.column("name"); }),
            "'t' has no column 'name'; its columns are Class, class");
}

TEST(Csv, NumbersWithTheCommaOfTheirCountry) {
  EXPECT_EQ(csv_number("0.5", ','), 0.5);
  EXPECT_EQ(csv_number("0,5", ';'), 0.5);
  EXPECT_EQ(csv_number("0.5", ';'), 0.5);
  for (const char* text : {"0,5", "1.234,5", "", "x", "1e999", "nan", "1 2"})
    EXPECT_FALSE(csv_number(text, ',')) << text;
  EXPECT_FALSE(csv_number("1.234,5", ';'));
}

TEST(Labels, ReadInEveryFormThatPeoplePass) {
  const Strings expected = {"one", "two", "three"};
  const std::vector<std::string> forms = {
      "one\ntwo\nthree", "one\r\ntwo\r\nthree\r\n", "one\rtwo\rthree\r", "one\ntwo\nthree\n\n\n",
      "  one\t\ntwo  \nthree\n", "\xEF\xBB\xBFone\ntwo\nthree\n", "\"one\"\n\"two\"\n\"three\"\n",
      // Tables.
      "class,name\r\n0,one\r\n1,two\r\n2,three\r\n", "class;name\n0;one\n1;two\n2;three\n",
      "Class,Name\n0,one\n1,two\n2,three\n", "class, name\n0, one\n1, two\n2, three\n",
      "CLASS\tNAME\n2\tthree\n0\tone\n1\ttwo\n", "sep=;\nclass;name\n0;one\n1;two\n2;three\n",
      "id,label\n0,one\n1,two\n2,three\n", "class_name;class_id\none;0\ntwo;1\nthree;2\n",
      "index,wnid,name\n0,n1,one\n1,n2,two\n2,n3,three\n", "name\none\ntwo\nthree\n",
      "label\none\ntwo\nthree\n", "name,file\none,x\ntwo,y\nthree,z\n",
      // Numbered lines.
      "0,one\n1,two\n2,three\n", "0;one\n1;two\n2;three\n", "0: one\n1: two\n2: three\n",
      "2\tthree\n0\tone\n1\ttwo\n", "0 one\n1 two\n2 three\n", "0: 'one'\n1: 'two'\n2: 'three'\n",
      // JSON.
      R"(["one", "two", "three"])", R"({"0": "one", "1": "two", "2": "three"})",
      R"({"2": ["n3", "three"], "0": ["n1", "one"], "1": ["n2", "two"]})",
      R"({"model_type": "resnet", "id2label": {"0": "one", "1": "two", "2": "three"}, "label2id": {}})",
      R"({"one": 0, "two": 1, "three": 2})", R"({"label2id": {"one": 0, "two": 1, "three": 2}})",
      R"({"names": ["one", "two", "three"]})",
      R"([{"id": 1, "name": "two"}, {"id": 0, "name": "one"}, {"id": 2, "name": "three"}])",
      R"({"categories": [{"id": 0, "name": "one"}, {"id": 1, "name": "two"}, {"id": 2, "name": "three"}]})",
      R"([{"name": "one"}, {"name": "two"}, {"name": "three"}])",
      R"([["n1", "one"], ["n2", "two"], ["n3", "three"]])"};
  for (const std::string& text : forms) {
    EXPECT_EQ(parse_labels(text, "t"), expected) << text;
    EXPECT_EQ(parse_labels("\xEF\xBB\xBF" + text, "t"), expected) << text;
    if (text.starts_with('\xEF')) continue;
    EXPECT_EQ(parse_labels(utf16(text, false), "t"), expected) << text;
    EXPECT_EQ(parse_labels(utf16(text, true), "t"), expected) << text;
  }
}

TEST(Labels, NamesThatLookLikeSomethingElse) {
  EXPECT_EQ(parse_labels("tench, Tinca tinca\ngoldfish, Carassius auratus\n", "t"),
            (Strings{"tench, Tinca tinca", "goldfish, Carassius auratus"}));
  EXPECT_EQ(parse_labels("101 dalmatians\n3 cats\n", "t"), (Strings{"101 dalmatians", "3 cats"}));
  EXPECT_EQ(parse_labels("0\n1\n2\n", "t"), (Strings{"0", "1", "2"}));
  EXPECT_EQ(parse_labels("Bob's \"best\"\nx\n", "t").front(), "Bob's \"best\"");
}

TEST(Labels, WhatCannotBeToldIsRefused) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"tench\nsh\xe4rk\n", "'t' line 2 is not UTF-8"},
      {"id,breed\n0,beagle\n1,boxer\n", "'t' is a table, but line 1 does not say which column has the names"},
      {"beagle,0\nboxer,1\n", "'t' is a table"},
      {"0,n1,one\n1,n2,two\n", "'t' is a table"},
      {"1,one\n2,two\n", "'t' line 2: the lines are numbered, but 2 is not one of 0 to 1"},
      {"0,one\n0,two\n", "'t' line 2: the lines are numbered"},
      {"class,name\n0,one\n0,two\n", "'t' line 3: class 0 has the name 'one' already"},
      {"class,name\nzero,one\n", "'t' line 2: class 'zero' is not a whole number"},
      {"class,file\n0,one\n", "'t' line 1 is a header without a column 'name'"},
      {"one\n\nthree\n", "'t' line 2 is empty"},
      {"class,name\n", "'t' has no labels"},
      {"{'0': 'one'}",
       "'t' is not valid JSON: line 1, column 2 cannot be read; labels that begin with '{' have to be JSON, "
       "which quotes with \""},
      {"[]", "'t' has no labels"},
      {R"({"0": "one", "00": "two"})", "class 0 has the name 'one' already"},
      {R"([{"id": -1, "name": "one"}])", "no \"id\" that is a number from 0 on"},
      {R"([{"title": "one"}])", "has no \"name\""},
      {R"({"0": {"en": "one"}})", "'t' entry '0': a label is not a string"},
      {R"(["one", 2])", "'t' entry 1: a label is not a string"},
      {"\xEF\xBB\xBF\n", "'t' has no labels"}};
  for (const auto& [text, words] : cases) {
    const std::string error = error_of([&, &text = text] { (void)parse_labels(text, "t"); });
    EXPECT_NE(error.find(words), std::string::npos) << text << "\n" << error;
  }
}

TEST(Labels, HaveToBeOneForEachClass) {
  require_label_count(1000, 1000, 0, "'t'");
  require_label_count(1000, 1001, 1, "'t'");
  EXPECT_NE(error_of([] { require_label_count(1000, 1001, 0, "'t'"); }).find("pass --label-offset 1"),
            std::string::npos);
  EXPECT_EQ(error_of([] { require_label_count(6, 5, 0, "'t'"); }),
            "'t' names 6 classes, but the model has 5; pass labels with one name for each class");
  EXPECT_NE(error_of([] { require_label_count(1000, 1000, 1, "'t'"); }).find("from class 1 on"),
            std::string::npos);
}

// Folders with an image each.
std::string make_tree(const TemporaryDirectory& folder, const Strings& names) {
  for (const std::string& name : names) folder.write("tree/" + name + "/a.jpg", "x");
  return folder / "tree";
}

TEST(Examples, HiddenFoldersAndFilesAreNoClassesAndNoImages) {
  const TemporaryDirectory folder;
  const std::string tree =
      make_tree(folder, {"aa", "bb", ".ipynb_checkpoints", "__MACOSX", "aa/.thumbnails"});
  folder.write("tree/aa/._a.jpg", "x");
  const Examples examples = read_examples({.data = tree, .labels = {}, .classes = {}, .class_order = {}});
  EXPECT_EQ(examples.files, (Strings{"aa/a.jpg", "bb/a.jpg"}));
  EXPECT_EQ(examples.classes, (std::vector<std::int64_t>{0, 1}));
  EXPECT_EQ(examples.hidden, (Strings{".ipynb_checkpoints", "__MACOSX"}));
  EXPECT_EQ(find_images({tree}, true).size(), 2U);
  EXPECT_EQ(find_images({tree + "/.ipynb_checkpoints"}, false).size(), 1U) << "named, it is looked into";
}

TEST(Examples, FoldersHaveToBeTheModelsClasses) {
  const TemporaryDirectory folder;
  const std::string tree = make_tree(folder, {"a", "b"});
  const Examples examples = read_examples({.data = tree, .labels = {}, .classes = {}, .class_order = {}});
  require_classes(examples, 0, 2);
  require_classes(examples, 1, 3);
  const std::string error = error_of([&] { require_classes(examples, 0, 1000); });
  EXPECT_NE(error.find("has 2 classes, but the model has 1000"), std::string::npos) << error;
  EXPECT_NE(error.find("--classes FILE"), std::string::npos) << error;
  EXPECT_NE(error_of([&] { require_classes(examples, 0, 3); }).find("--label-offset 1"), std::string::npos);
  require_classes(read_examples({.data = tree, .labels = {}, .classes = {}, .class_order = "text"}), 0, 1000);
  // A list names all classes, of which the folders are some.
  const std::string list = folder.write("list", "class;name\r\n0;x\r\n1;b\r\n2;a\r\n");
  const Examples listed = read_examples({.data = tree, .labels = {}, .classes = list, .class_order = {}});
  EXPECT_EQ(listed.classes, (std::vector<std::int64_t>{2, 1}));
  require_classes(listed, 0, 3);
  EXPECT_NE(error_of([&] { require_classes(listed, 0, 5); }).find("has 3 classes"), std::string::npos);
  folder.write("list", "a\nb\na\n");
  EXPECT_NE(error_of([&] {
              (void)read_examples({.data = tree, .labels = {}, .classes = list, .class_order = {}});
            }).find("lists folder 'a' of"),
            std::string::npos);
}

TEST(Examples, FoldersNamedByNumbersAreNotSortedInSilence) {
  const TemporaryDirectory folder;
  const std::string tree = make_tree(folder, {"0", "1", "2", "10"});
  const auto read = [&](const std::string& order) {
    return read_examples({.data = tree, .labels = {}, .classes = {}, .class_order = order});
  };
  EXPECT_NE(error_of([&] { (void)read(""); }).find("pass --class-order number"), std::string::npos);
  EXPECT_EQ(read("number").classes, (std::vector<std::int64_t>{0, 1, 10, 2}));
  EXPECT_EQ(read("text").classes, (std::vector<std::int64_t>{0, 1, 2, 3}));
  require_classes(read("number"), 0, 1000);
  EXPECT_NE(error_of([&] { require_classes(read("number"), 0, 10); }).find("class 10"), std::string::npos);
  const TemporaryDirectory other;
  const std::string padded = make_tree(other, {"00", "01", "02", "10"});
  EXPECT_EQ(read_examples({.data = padded, .labels = {}, .classes = {}, .class_order = {}}).classes,
            (std::vector<std::int64_t>{0, 1, 2, 3}));
  const std::string named = make_tree(other, {"cat"});
  EXPECT_NE(error_of([&] {
              (void)read_examples({.data = named, .labels = {}, .classes = {}, .class_order = "number"});
            }).find("not named by a number"),
            std::string::npos);
}

TEST(Examples, TablesInAnyForm) {
  const TemporaryDirectory folder;
  const auto read = [&](const std::string& text) {
    return read_examples({.data = folder.path().string(),
                          .labels = folder.write("l.csv", text),
                          .classes = {},
                          .class_order = {}});
  };
  for (const char* text : {"file,class\na.jpg,3\n", "File;Class\r\na.jpg;3\r\n",
                           "\xEF\xBB\xBF class , file \n3, a.jpg\n", "file\tclass\ra.jpg\t3\r"}) {
    const Examples examples = read(text);
    EXPECT_EQ(examples.files, Strings{"a.jpg"}) << text;
    EXPECT_EQ(examples.classes, std::vector<std::int64_t>{3}) << text;
    EXPECT_FALSE(examples.class_count) << text;
  }
  EXPECT_NE(
      error_of([&] { (void)read("file,class\na.jpg,3\nb.jpg,cat\n"); }).find("l.csv' line 3: class 'cat'"),
      std::string::npos);
  EXPECT_NE(error_of([&] { (void)read("file,class\n,3\n"); }).find("l.csv' line 2 names no file"),
            std::string::npos);
  EXPECT_NE(error_of([&] {
              (void)read("file,label\na.jpg,3\n");
            }).find("has no column 'class'; its columns are file, label"),
            std::string::npos);
}

}  // namespace
}  // namespace godwit::vision
